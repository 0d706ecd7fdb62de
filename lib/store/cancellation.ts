import { HoldfastError } from '../core/errors.ts';

/** What to throw once `signal` has fired: its own reason when that is ours, else `stopped`. */
export function cancellation(signal: AbortSignal): HoldfastError {
  if (signal.reason instanceof HoldfastError) return signal.reason;
  return new HoldfastError('stopped', 'the work with the store was cancelled', { cause: signal.reason });
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancellation(signal);
}
