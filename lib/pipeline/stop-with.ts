import { HoldfastError } from '../core/errors.ts';

/** Aborts `stop` with a `stopped` error, or the caller's own, when `signal` fires. What it returns undoes the connection. */
export function stopWith(stop: AbortController, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => undefined;
  const onAbort = () => {
    const { reason } = signal;
    stop.abort(
      reason instanceof HoldfastError ? reason : new HoldfastError('stopped', 'asked to stop', { cause: reason }),
    );
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
