import { runFrom } from '../../lib/config/runtime.ts';
import { restoreTestRunSchema } from '../../lib/core/requests.ts';
import { runRestoreTest } from '../../lib/runner/restore-test.ts';
import { runTask } from '../../lib/runner/task.ts';

/** The program of the restore test image: `main.mjs restore-test`, told what to do by `HOLDFAST_RUN`. */
if (process.argv[2] !== 'restore-test') {
  console.error('usage: main.mjs restore-test');
  process.exit(2);
}
const run = runFrom(restoreTestRunSchema, process.env);
process.exit(await runTask(run.validationId, process.env, (context) => runRestoreTest(context, run)));
