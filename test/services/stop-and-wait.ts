import { commandService } from '../../lib/services/command-service.ts';

/** Stops a service and lives on, until somebody kills it. `argv`: the command that starts the service again. */
await commandService({ stop: ['true'], start: process.argv.slice(2) }).stop(new AbortController().signal);
process.stdout.write('stopped\n');
setInterval(() => {}, 60_000);
