import { HoldfastError } from '../core/errors.ts';

/** What an aborted signal means for who was doing that: the reason that was given, or that it was stopped. */
export function stopReason(signal: AbortSignal, doing: string): HoldfastError {
  if (signal.reason instanceof HoldfastError) return signal.reason;
  return new HoldfastError('stopped', `${doing} was stopped`, { cause: signal.reason });
}
