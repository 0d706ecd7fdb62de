import type { Environment } from '../config/environment.ts';
import { loadRuntime } from '../config/runtime.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import type { BackupId } from '../core/ids.ts';
import { outcomeKey } from '../core/object-keys.ts';
import { type Outcome, outcomeSchema } from '../core/outcome.ts';
import { createLogger } from '../observe/log.ts';
import { putJson } from '../store/text.ts';
import { type RunContext, withRunContext } from './context.ts';
import { throttled } from './progress.ts';

type Ending = Pick<Outcome, 'restore' | 'restoreTest'> & { readonly failure?: HoldfastError | undefined };

/** Fargate gives at most 120 s between SIGTERM and SIGKILL; the local stack as much as the task definition says. */
const progressIntervalMs = 500;

/** A timer that is set for longer goes off at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * The frame around everything that a task does: configuration, signals, deadline, progress on stdout, one outcome object, one exit
 * code; without an operation no outcome is left. `work` gets a signal that fires when the task is asked to stop or its time is over, and must then end by itself.
 *
 * The outcome is written last and best effort: a task that is killed leaves none, and its exit code says enough.
 */
export async function runTask(
  operation: BackupId | undefined,
  environment: Environment,
  work: (context: RunContext) => Promise<Ending>,
): Promise<number> {
  const log = createLogger('task', operation === undefined ? {} : { operation });
  const stop = new AbortController();
  const onStop = (): void => stop.abort(new HoldfastError('stopped', 'the task was asked to stop'));
  process.once('SIGTERM', onStop).once('SIGINT', onStop);
  try {
    const runtime = loadRuntime(environment);
    const { timeoutSeconds } = runtime.config.run;
    const deadline = setTimeout(
      () =>
        stop.abort(
          new HoldfastError('deadline', `the run did not end within ${timeoutSeconds} seconds (BACKUP_TIMEOUT)`),
        ),
      Math.min(timeoutSeconds * 1000, longestTimerMs),
    );
    const report = throttled(
      (event) => process.stdout.write(`${JSON.stringify({ type: 'progress', operation, ...event })}\n`),
      progressIntervalMs,
    );
    try {
      return await withRunContext(
        { config: runtime.config, environment, image: runtime.image, signal: stop.signal, report },
        async (context) => {
          const ending = await work(context).catch(
            (error: unknown): Ending => ({ failure: reasonOf(error, stop.signal) }),
          );
          const exitCode = ending.failure?.exitCode ?? 0;
          if (ending.failure) logFailure(log, ending.failure);
          else log.info('done');
          if (operation === undefined) return exitCode;
          await writeOutcome(context, operation, { ...ending, exitCode }).catch((error: unknown) =>
            log.warn('the outcome could not be written', { error: asHoldfastError(error).message }),
          );
          return exitCode;
        },
      );
    } finally {
      clearTimeout(deadline);
    }
  } catch (error) {
    const failure = asHoldfastError(error);
    logFailure(log, failure);
    return failure.exitCode;
  } finally {
    process.off('SIGTERM', onStop).off('SIGINT', onStop);
  }
}

/** When the run was told to end, that is the reason, whatever error the unwinding brought up. */
function reasonOf(error: unknown, signal: AbortSignal): HoldfastError {
  return asHoldfastError(signal.aborted ? signal.reason : error);
}

async function writeOutcome(
  context: RunContext,
  operation: BackupId,
  { exitCode, failure, restore, restoreTest }: Ending & { readonly exitCode: number },
): Promise<void> {
  const outcome: Outcome = outcomeSchema.parse({
    attempt: context.attempt,
    endedAt: context.clock().toISOString(),
    exitCode,
    ...(failure ? { failure: { code: failure.code, message: failure.message, hint: failure.hint } } : {}),
    ...(restore ? { restore } : {}),
    ...(restoreTest ? { restoreTest } : {}),
  });
  await putJson(context.store, outcomeKey(operation, context.attempt), outcome, { condition: 'absent' });
}

function logFailure(log: ReturnType<typeof createLogger>, failure: HoldfastError): void {
  log.error(failure.message, {
    code: failure.code,
    hint: failure.hint,
    // Only our own bugs need a stack, and only their stacks are free of what a server said.
    ...(failure.code === 'internal' ? { stack: (failure.cause instanceof Error ? failure.cause : failure).stack } : {}),
  });
}
