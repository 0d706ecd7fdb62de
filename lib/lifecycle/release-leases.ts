import { inUseKey, leaseKey } from '../core/object-keys.ts';
import type { AnyRun } from '../core/requests.ts';
import { methodSchema } from '../core/vocabulary.ts';
import { releaseHeldBy } from '../store/lease.ts';
import type { Store } from '../store/store.ts';

/** Releases whatever leases a run's execution still holds, and the mark of the backup that it read. One that it does not hold (any more) is left alone. */
export async function releaseLeases(
  { store, clock }: { readonly store: Store; readonly clock: () => Date },
  run: AnyRun,
): Promise<{ readonly released: readonly string[] }> {
  const keys = keysOf(run);
  const released: string[] = [];
  for (const key of keys) if (await releaseHeldBy(store, key, { holder: run.execution, clock })) released.push(key);
  return { released };
}

/** A restore test holds no lease, and its mark is its own process's. */
function keysOf(run: AnyRun): string[] {
  if ('recoveryId' in run)
    return [
      ...methodSchema.options.map((method) => leaseKey(run.into, method)),
      inUseKey(run.target, run.backupId, run.recoveryId),
    ];
  return 'validationId' in run ? [] : [leaseKey(run.target, run.method)];
}
