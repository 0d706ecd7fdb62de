import type { TargetName } from '../core/ids.ts';
import type { AnyRun } from '../core/requests.ts';
import { leaseAt } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import { type startRecorded as StartRecorded, startRecorded } from './ecs-service.ts';
import { readServiceRecord, stoppedServices } from './service-record.ts';

type Dependencies = Pick<Parameters<typeof StartRecorded>[0], 'store' | 'clock' | 'api'>;

/** A lease may run out while its holder renews it by a clock that is behind. */
const graceMs = 60_000;

/** Starts what the run, whose task has ended, has left stopped. Gives the targets whose services were started. */
export async function startAfterRun(dependencies: Dependencies, run: AnyRun): Promise<readonly TargetName[]> {
  const target = 'recoveryId' in run ? run.into : run.target;
  const { value } = await readServiceRecord(dependencies.store, target);
  // Another run may have stopped it since: that one starts it.
  if (value?.startedAt !== null || value.holder !== run.execution) return [];
  await startRecorded({ ...dependencies, target });
  return [target];
}

/** Starts what runs have left stopped that are no more: their leases were released, have run out or are others'. Gives the targets. */
export async function startAbandoned(dependencies: Dependencies): Promise<readonly TargetName[]> {
  const started: TargetName[] = [];
  for await (const { target, holder, lease } of stoppedServices(dependencies.store)) {
    if (await isHeld(dependencies, { holder, lease })) continue;
    await startRecorded({ ...dependencies, target });
    started.push(target);
  }
  return started;
}

async function isHeld(
  { store, clock }: { readonly store: Store; readonly clock: () => Date },
  { holder, lease }: { readonly holder: string; readonly lease: string },
): Promise<boolean> {
  const found = await leaseAt(store, lease);
  if (found === undefined || found.isReleased || found.holder !== holder) return false;
  return clock().getTime() < Date.parse(found.until) + graceMs;
}
