import { describeError, HoldfastError } from '../../lib/core/errors.ts';
import type { Failure } from '../../lib/core/failure.ts';
import { type BackupRun, backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { judgeAttempt } from '../../lib/lifecycle/judge-attempt.ts';
import { recordOutcome } from '../../lib/lifecycle/record-outcome.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { validatePublished } from '../../lib/lifecycle/validate-published.ts';
import type { Lane } from './lane.ts';
import { type Task, TaskHung } from './task.ts';
import { type StoreSide, type TaskOptions, targetName, type World } from './world.ts';

/** The steps of the backup workflow (lib/workflows/backup.ts). */
export type Step = 'admit' | 'task' | 'validate' | 'record' | 'release';

/** What comes between. Everything is optional: nothing given is a run without a fault. */
export type Interference = {
  readonly task?: TaskOptions;
  /** Called when an attempt, counted from 1, has been started. */
  readonly onTask?: (task: Task, attempt: number) => void;
  readonly beforeStep?: (step: Step, run: BackupRun | undefined) => Promise<void> | void;
  /** The execution is gone after this step: nobody does the rest. */
  readonly vanishAfter?: Step;
  /** The steps reach the store through the proxy too. */
  readonly isStoreProxied?: boolean;
};

export type Played = {
  readonly execution: string;
  /** `not-admitted`: admission itself failed, and nothing else was tried. */
  readonly ending: 'completed' | 'failed' | 'duplicate' | 'vanished' | 'not-admitted';
  readonly run?: BackupRun;
  readonly failure?: Failure;
  readonly attempts: number;
  /** What the tasks and steps printed. */
  readonly log: string;
};

type Part = {
  readonly world: World;
  readonly lane: Lane;
  readonly execution: string;
  readonly request?: object;
  readonly clock: () => Date;
  readonly interference?: Interference;
};

/** How often the state machine repeats a step that failed for a passing reason (lib/workflows/retries.ts), without its pauses. */
const stepRetries = 4;

/**
 * One execution of the backup workflow: the lifecycle functions that its Lambdas are, in its order, and the task as a process. The definition
 * itself runs in the runs on a whole stack; here it is passed over for speed.
 */
export async function play(part: Part): Promise<Played> {
  const { world, lane, execution, clock, interference = {} } = part;
  const side = interference.isStoreProxied ? world.proxied : world.direct;
  const { store } = side;
  const lines: string[] = [];
  const recorder = createRecorder({
    store,
    catalog: lane.catalog,
    warn: (line) => lines.push(line),
    catalogSeconds: 0.5,
  });
  const dependencies = { ...side, recorder, clock };
  let attempts = 0;
  let run: BackupRun | undefined;
  const ended = (ending: Played['ending'], more: Partial<Played> = {}): Played => ({
    execution,
    ending,
    ...(run && { run }),
    attempts,
    log: lines.join('\n'),
    ...more,
  });
  const step = async <Result>(name: Step, work: () => Promise<Result>): Promise<Result> => {
    await interference.beforeStep?.(name, run);
    const result = await withRetries(work);
    if (interference.vanishAfter === name) throw new Vanished();
    return result;
  };

  try {
    const request = backupRequestSchema.parse({ target: targetName, ...part.request });
    const startedAt = dependencies.clock().toISOString();
    const admission = await step('admit', () =>
      admitBackup(dependencies, { request, execution, startedAt, redriveCount: 0 }),
    ).catch((error: unknown) => {
      if (error instanceof HoldfastError) return error;
      throw error;
    });
    if (admission instanceof HoldfastError) return ended('not-admitted', { failure: describeError(admission) });
    if (!('run' in admission)) return ended('duplicate');
    const admitted = admission.run;
    run = admitted;
    const failure =
      admission.verdict === 'refused'
        ? admission.failure
        : ((await step('task', () => attempt(part, admitted, side, lines, () => attempts++))) ??
          (await failureOf(() => step('validate', () => validate(dependencies, admitted)))) ??
          (await failureOf(() => step('record', () => recordOutcome(dependencies, { run: admitted })))));
    if (failure) await failureOf(() => step('record', () => recordOutcome(dependencies, { run: admitted, failure })));
    await failureOf(() => step('release', () => releaseLeases(dependencies, admitted)));
    return failure ? ended('failed', { failure }) : ended('completed');
  } catch (error) {
    if (error instanceof Vanished) return ended('vanished');
    throw error;
  }
}

class Vanished extends Error {}

/** Attempts at the task until one succeeds or its end is judged not to be worth another; then the failure. */
async function attempt(
  { world, interference = {} }: Part,
  run: BackupRun,
  { store }: StoreSide,
  lines: string[],
  count: () => number,
): Promise<Failure | undefined> {
  for (let attempts = 0; ; attempts++) {
    count();
    const task = await world.beginTask(run, interference.task);
    interference.onTask?.(task, attempts + 1);
    const exitCode = await task.ended.catch((error: unknown) => {
      if (error instanceof TaskHung) throw new TaskHung(`${error.message}; it had said: ${task.output()}`);
      throw error;
    });
    lines.push(task.output());
    if (exitCode === 0) return undefined;
    const Cause = JSON.stringify({ Containers: [{ ExitCode: exitCode }] });
    const caught = { Error: 'States.TaskFailed', Cause };
    const judged = await withRetries(() => judgeAttempt(store, { operation: run.backupId, caught, attempts }));
    lines.push(`exit code ${exitCode}, judged: ${JSON.stringify(judged)}`);
    if (judged.verdict !== 'retry') return judged.failure;
  }
}

async function validate(
  dependencies: Omit<Parameters<typeof validatePublished>[0], 'runtime'>,
  run: BackupRun,
): Promise<void> {
  const { status } = await validatePublished({ ...dependencies, runtime: { environment: process.env } }, run, {
    isOfItsRun: true,
  });
  if (status !== 'complete') throw new HoldfastError('partial', 'a part of the backup failed');
}

async function failureOf(work: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Vanished || error instanceof TaskHung) throw error;
    return describeError(error);
  }
}

async function withRetries<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HoldfastError) || !error.retryable || tries === stepRetries) throw error;
    }
  }
}
