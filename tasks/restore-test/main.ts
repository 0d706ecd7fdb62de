import { runCommand, testCommands } from '../../lib/runner/commands.ts';

/** The program of the restore test image: `main.mjs restore-test`. */
await runCommand(testCommands);
