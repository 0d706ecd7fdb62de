import { runFrom } from '../../lib/config/runtime.ts';
import { restoreRunSchema, restoreTestRunSchema } from '../../lib/core/requests.ts';
import { restoreInTask } from '../../lib/runner/restore-in-task.ts';
import { runRestoreTest } from '../../lib/runner/restore-test.ts';
import { runTask } from '../../lib/runner/task.ts';

/**
 * The program of the image that has servers: `main.mjs restore-test`, and `main.mjs restore` of what only a server can recover; told what to do by
 * `HOLDFAST_RUN`.
 */
const commands: Readonly<Record<string, () => Promise<number>>> = {
  'restore-test': () => {
    const run = runFrom(restoreTestRunSchema, process.env);
    return runTask(run.validationId, process.env, (context) => runRestoreTest(context, run));
  },
  restore: () => {
    const run = runFrom(restoreRunSchema, process.env);
    return runTask(run.recoveryId, process.env, (context) => restoreInTask(context, run));
  },
};

const command = commands[process.argv[2] ?? ''];
if (command === undefined) {
  console.error(`usage: main.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}
process.exit(await command());
