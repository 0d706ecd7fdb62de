import { runCommand, testCommands, workCommands } from '../../lib/runner/commands.ts';

/** The program of the Neo4j image, which has the server and its tools: the work on targets, and restore tests. */
await runCommand({ ...workCommands, ...testCommands });
