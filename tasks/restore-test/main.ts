import { runCommand, testCommands } from '../../lib/runner/commands.ts';

/** The program of the image that has servers: `main.mjs restore-test`, and `main.mjs restore` of what only a server can recover. */
await runCommand(testCommands);
