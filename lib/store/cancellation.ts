import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../core/errors.ts';

/** What to throw once `signal` has fired: its own reason when that is ours, else `stopped`. */
export function cancellation(signal: AbortSignal): HoldfastError {
  if (signal.reason instanceof HoldfastError) return signal.reason;
  return new HoldfastError('stopped', 'the work with the store was cancelled', { cause: signal.reason });
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancellation(signal);
}

/** Waits for a random time of at most `atMostMilliseconds`, so that those who failed together do not try again together. */
export async function pause(atMostMilliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(Math.random() * atMostMilliseconds, undefined, signal === undefined ? {} : { signal }).catch(
    () => undefined,
  );
  throwIfCancelled(signal);
}
