import { createProgram } from '../lib/cli/program.ts';

await createProgram().parseAsync();
