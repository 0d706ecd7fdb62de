import { runFrom } from '../../lib/config/runtime.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { backupRunSchema, restoreRunSchema } from '../../lib/core/requests.ts';
import { emitMetrics } from '../../lib/observe/metrics.ts';
import { askTargets } from '../../lib/runner/ask-targets.ts';
import { partialFailure, runBackup } from '../../lib/runner/backup.ts';
import { giveWay } from '../../lib/runner/give-way.ts';
import { receiveTargetWal } from '../../lib/runner/receive-wal.ts';
import { restoreInTask } from '../../lib/runner/restore-in-task.ts';
import { runService } from '../../lib/runner/service.ts';
import { runTask } from '../../lib/runner/task.ts';

/**
 * The program of the task image: `main.mjs backup` or `main.mjs restore`, told what to do by `HOLDFAST_RUN`, and `main.mjs ask-targets`,
 * which needs not be told.
 */
const commands: Readonly<Record<string, () => Promise<number>>> = {
  backup: () => {
    giveWay();
    const run = runFrom(backupRunSchema, process.env);
    return runTask(run.backupId, process.env, async (context) => ({
      failure: partialFailure(await runBackup(context, run)),
    }));
  },
  restore: () => {
    const run = runFrom(restoreRunSchema, process.env);
    return runTask(run.recoveryId, process.env, (context) => restoreInTask(context, run));
  },
  /** `wal receive <target>`: a service, which ends when it is asked to. */
  wal: () => {
    const target = targetNameSchema.parse(process.argv[4]);
    return runService(process.env, (context, log) =>
      receiveTargetWal(context, target, { log, measure: (values) => emitMetrics({ Target: target }, values) }),
    );
  },
  'ask-targets': () =>
    runTask(undefined, process.env, async (context) => {
      await askTargets(context);
      return {};
    }),
};

const command = commands[process.argv[2] ?? ''];
if (command === undefined) {
  console.error(`usage: main.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}
process.exit(await command());
