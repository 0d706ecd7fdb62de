import { runFrom } from '../config/runtime.ts';
import { backupRunSchema, restoreRunSchema, restoreTestRunSchema } from '../core/requests.ts';
import { askTargets } from './ask-targets.ts';
import { partialFailure, runBackup } from './backup.ts';
import { giveWay } from './give-way.ts';
import { runRestore } from './restore.ts';
import { restoreFailure } from './restore-failure.ts';
import { runRestoreTest } from './restore-test.ts';
import { runTask } from './task.ts';

/** What a task's program can be told to do, and how it does it; each gives an exit code. What a run is about is in `HOLDFAST_RUN`. */
type Commands = Readonly<Record<string, () => Promise<number>>>;

/** Work on targets. */
export const workCommands: Commands = {
  backup: () => {
    giveWay();
    const run = runFrom(backupRunSchema, process.env);
    return runTask(run.backupId, process.env, async (context) => ({
      failure: partialFailure(await runBackup(context, run)),
    }));
  },
  restore: () => {
    const run = runFrom(restoreRunSchema, process.env);
    return runTask(run.recoveryId, process.env, async (context) => {
      const restore = await runRestore(context, run);
      return { restore, failure: restoreFailure(restore) };
    });
  },
  'ask-targets': () =>
    runTask(undefined, process.env, async (context) => {
      await askTargets(context);
      return {};
    }),
};

/** What is done far from any target. */
export const testCommands: Commands = {
  'restore-test': () => {
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
