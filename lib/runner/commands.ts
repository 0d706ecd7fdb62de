import { runFrom } from '../config/runtime.ts';
import { targetNameSchema } from '../core/ids.ts';
import { backupRunSchema, restoreRunSchema, restoreTestRunSchema } from '../core/requests.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { askTargets } from './ask-targets.ts';
import { partialFailure, runBackup } from './backup.ts';
import { collectLessOften } from './collect-less-often.ts';
import { giveWay } from './give-way.ts';
import { receiveTargetWal } from './receive-wal.ts';
import { runRestore } from './restore.ts';
import { restoreFailure } from './restore-failure.ts';
import { runRestoreTest } from './restore-test.ts';
import { runService } from './service.ts';
import { runTask } from './task.ts';

/** What a task's program can be told to do, and how it does it; each gives an exit code. What a run is about is in `HOLDFAST_RUN`. */
type Commands = Readonly<Record<string, () => Promise<number>>>;

const restore = (): Promise<number> => {
  collectLessOften();
  const run = runFrom(restoreRunSchema, process.env);
  return runTask(run.recoveryId, process.env, async (context) => {
    const outcome = await runRestore(context, run);
    return { restore: outcome, failure: restoreFailure(outcome) };
  });
};

const backup = (): Promise<number> => {
  collectLessOften();
  const run = runFrom(backupRunSchema, process.env);
  return runTask(run.backupId, process.env, async (context) => ({
    failure: partialFailure(await runBackup(context, run)),
  }));
};

/** Work on targets. */
export const workCommands: Commands = {
  backup: () => {
    giveWay();
    return backup();
  },
  restore,
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

/** What is done where there are servers to be started: tests far from any target, and restores of what only a server can recover. */
export const testCommands: Commands = {
  /** Of earlier ones, not of a target. */
  backup,
  restore,
  'restore-test': () => {
    collectLessOften();
    const run = runFrom(restoreTestRunSchema, process.env);
    return runTask(run.validationId, process.env, (context) => runRestoreTest(context, run));
  },
};

/** Runs the one that the command line names, and ends this process with its exit code: 2 when it names none. */
export async function runCommand(commands: Commands): Promise<never> {
  const command = commands[process.argv[2] ?? ''];
  if (command !== undefined) process.exit(await command());
  console.error(`usage: main.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}
