import { runCommand, testCommands } from '../../lib/runner/commands.ts';

/** The program of the image that has servers: `main.mjs restore-test`, `main.mjs restore` of what only a server can recover, and `main.mjs backup` of what is made of earlier backups. */
await runCommand(testCommands);
