import { constants } from 'node:os';
import * as z from 'zod';
import { mostAttempts } from '../core/attempts.ts';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { type Failure, failureOf } from '../core/failure.ts';
import type { BackupId } from '../core/ids.ts';
import { newestOutcome } from '../store/outcomes.ts';
import type { Store } from '../store/store.ts';

export type Verdict = {
  /** `partial`: there is a backup, and something is missing from it. */
  readonly verdict: 'partial' | 'retry' | 'fail';
  readonly attempts: number;
  readonly waitSeconds: number;
  readonly failure: Failure;
};

/**
 * ECS describes a stopped task with its containers' exit codes; one that never started has none. What it could not even place it
 * answers with the failures.
 */
const stoppedTaskSchema = z.object({
  StoppedReason: z.string().optional(),
  Failures: z.array(z.object({ Reason: z.string().optional(), Detail: z.string().optional() })).default([]),
  Containers: z.array(z.object({ ExitCode: z.number().int().optional(), Reason: z.string().optional() })).default([]),
});

/**
 * Why a task ended, and whether another attempt is worth it. The task's own outcome object says best; failing that its exit code, by the
 * error table; failing that ECS, whose capacity or image trouble passes.
 */
export async function judgeAttempt(
  store: Store,
  {
    operation,
    caught,
    attempts,
  }: {
    readonly operation: BackupId;
    readonly caught: { readonly Error: string; readonly Cause: string };
    readonly attempts: number;
  },
): Promise<Verdict> {
  const made = attempts + 1;
  const stopped = parseStopped(caught.Cause);
  const exitCode = stopped?.Containers[0]?.ExitCode;
  const failure = (await ownWords(store, operation, exitCode)) ?? inferred(caught, stopped, exitCode);

  const retryable = failure.code in errorTable && errorTable[failure.code as ErrorCode].retryable;
  const verdict = failure.code === 'partial' ? 'partial' : retryable && made < mostAttempts ? 'retry' : 'fail';
  return { verdict, attempts: made, waitSeconds: 30 * 2 ** (made - 1), failure };
}

/** What the task said of itself, when it is the task that ECS speaks of: its exit code has to agree. */
async function ownWords(store: Store, operation: BackupId, exitCode: number | undefined): Promise<Failure | undefined> {
  const outcome = await newestOutcome(store, operation);
  return outcome?.exitCode === exitCode ? outcome?.failure : undefined;
}

function inferred(
  caught: { readonly Error: string; readonly Cause: string },
  stopped: z.infer<typeof stoppedTaskSchema> | undefined,
  exitCode: number | undefined,
): Failure {
  if (caught.Error === 'States.Timeout') return failureOf(caught);
  if (exitCode === 137)
    return from('task-killed', 'the task was killed (SIGKILL): out of memory, or stopped from outside');
  const sharing = (Object.keys(errorTable) as ErrorCode[]).filter(
    (code) => exitCode !== undefined && exitCode > 2 && errorTable[code].exit === exitCode,
  );
  // Of the codes that share an exit code, the one that explains the silence: words are left in the store.
  const byExit = sharing.find((code) => code.startsWith('store-')) ?? sharing[0];
  if (byExit) return from(byExit, `the task ended with exit code ${exitCode} and left no word of why`);
  const signal = signalOf(exitCode);
  if (signal !== undefined)
    return from('task-killed', `the task was ended by ${signal}: it crashed, or ran out of memory`);
  if (exitCode !== undefined) return from('internal', `the task ended with exit code ${exitCode}`);
  return from('task-not-started', whyNotStarted(caught, stopped));
}

/** ECS, as a shell, tells of a signal by 128 and its number. SIGABRT is how Node ends when its heap is full. */
function signalOf(exitCode: number | undefined): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number)?.[0];
}

/** In the words of ECS: that there was no capacity, or that the image could not be pulled. */
function whyNotStarted(
  { Error: error, Cause }: { readonly Error: string; readonly Cause: string },
  stopped: z.infer<typeof stoppedTaskSchema> | undefined,
): string {
  const ofContainer = stopped?.Containers[0]?.Reason;
  const failures = (stopped?.Failures ?? []).map(({ Reason, Detail }) => [Reason, Detail].filter(Boolean).join(': '));
  const reasons = [stopped?.StoppedReason, ofContainer, ...failures].filter(
    (reason) => reason !== undefined && reason !== '',
  );
  if (reasons.length > 0) return [...new Set(reasons)].join('; ');
  return `the task did not start: ${error}${stopped === undefined && Cause !== '' ? `: ${Cause.slice(0, longestCause)}` : ''}`;
}

/** A cause that is no description of a task is a sentence, as a rule. */
const longestCause = 500;

const from = (code: ErrorCode, message: string): Failure => ({ code, message, hint: errorTable[code].hint });

function parseStopped(cause: string): z.infer<typeof stoppedTaskSchema> | undefined {
  try {
    return stoppedTaskSchema.safeParse(JSON.parse(cause)).data;
  } catch {
    return undefined;
  }
}
