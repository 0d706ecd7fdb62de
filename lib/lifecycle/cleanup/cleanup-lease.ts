import type { CleanupRun } from '../../core/cleanup.ts';
import { cleanupLeaseKey } from '../../core/object-keys.ts';
import { acquireLease, releaseHeldBy } from '../../store/lease.ts';
import type { Store } from '../../store/store.ts';

/** Longer than a step may take, with its retries; each step takes it anew. */
const ttlSeconds = 45 * 60;

/** One cleanup at a time: takes or renews the lease of them all for this run. Throws `lease-held` while another run has it. */
export async function holdCleanupLease(
  store: Store,
  { cleanupId, execution }: Pick<CleanupRun, 'cleanupId' | 'execution'>,
  clock: () => Date,
): Promise<void> {
  await acquireLease(store, cleanupLeaseKey, {
    holder: execution,
    description: `cleanup ${cleanupId}`,
    ttlSeconds,
    clock,
  });
}

/** Lets the next cleanup run at once. */
export async function releaseCleanupLease(store: Store, execution: string, clock: () => Date): Promise<void> {
  await releaseHeldBy(store, cleanupLeaseKey, { holder: execution, clock });
}
