import { runCommand, workCommands } from '../../lib/runner/commands.ts';

/** The program of the task image: `main.mjs backup`, `main.mjs restore`, `main.mjs ask-targets`, `main.mjs wal receive <target>`. */
await runCommand(workCommands);
