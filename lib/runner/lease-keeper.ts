import { asHoldfastError, type HoldfastError } from '../core/errors.ts';
import { leaseTtlSeconds } from '../core/lease-ttl.ts';
import type { Lease } from '../store/lease.ts';

/**
 * Renews a lease every third of its life until `stop`. When it is lost, `onLost` is called once: the run must end, because another may have
 * begun. A renewal that fails for a passing reason is tried again at the next beat; the fencing token guards the gap.
 */
export function keepLease(lease: Lease, onLost: (error: HoldfastError) => void): { stop(): Promise<void> } {
  let beat: Promise<void> = Promise.resolve();
  const timer = setInterval(
    () => {
      beat = lease.renew().catch((error: unknown) => {
        const failure = asHoldfastError(error);
        if (failure.code !== 'lease-lost') return;
        clearInterval(timer);
        onLost(failure);
      });
    },
    (leaseTtlSeconds * 1000) / 3,
  );
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await beat;
    },
  };
}
