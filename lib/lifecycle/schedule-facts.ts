import type { BackupEntry, HoldfastConfig, Target } from '../config/config.ts';
import { lastDue } from '../core/due-times.ts';
import type { CleanupFacts, ScheduleFacts } from '../core/find-problems.ts';
import type { WatchState } from '../core/health.ts';
import type { BackupId } from '../core/ids.ts';
import { endedOperation } from '../core/journal.ts';
import { cleanupLeaseKey, journalPrefix, requestKey, scheduledSlot } from '../core/object-keys.ts';
import { readEvent } from '../store/journal.ts';
import { leaseAt } from '../store/lease.ts';
import { findRequestRecord } from '../store/request-records.ts';
import type { Store } from '../store/store.ts';

/** A start may be tried again, and clocks differ: what is due is looked for this much later. */
const startGraceMs = 5 * 60_000;

type Seen = WatchState['schedules'][string];
export type ScheduleLook = { readonly facts: ScheduleFacts; readonly seen: Seen };

/** Every schedule of a configuration with its target. */
export const entriesOf = (
  config: HoldfastConfig,
): readonly { readonly target: Target; readonly entry: BackupEntry }[] =>
  config.targets.flatMap((target) => target.backups.map((entry) => ({ target, entry })));

type When = { readonly schedule: string; readonly timezone: string; readonly enabled: boolean };

/** Since when a schedule stands as it does, and when it was last due since then. One that is new, or was changed, has had nothing due before. */
function lastSlot(
  { schedule, timezone, enabled }: When,
  { before, now }: { readonly before: Seen | undefined; readonly now: Date },
): { readonly seen: Seen; readonly due: Date | undefined } {
  const as = `${schedule} ${timezone} ${enabled ? 'enabled' : 'disabled'}`;
  const seen: Seen = before?.as === as ? before : { as, since: now.toISOString() };
  const due = enabled ? lastDue({ cron: schedule, timezone }, new Date(now.getTime() - startGraceMs)) : undefined;
  return { seen, due: due === undefined || due.toISOString() < seen.since ? undefined : due };
}

/**
 * What became of the time at which a schedule was last due: two or three reads of the store, and none once its backup is known to be
 * complete.
 */
export async function lookAtSchedule(
  store: Store,
  { target, entry }: { readonly target: Target; readonly entry: BackupEntry },
  { before, now }: { readonly before: Seen | undefined; readonly now: Date },
): Promise<ScheduleLook> {
  const { seen, due } = lastSlot(entry, { before, now });
  const about = { name: entry.name, target: target.name, method: entry.method, tier: entry.tier };
  if (due === undefined) return { facts: { ...about, due: null, run: 'none' }, seen };

  const slot = { ...about, due: due.toISOString() };
  if (seen.settled?.due === slot.due)
    return { facts: { ...slot, run: 'completed', operation: seen.settled.operation }, seen };
  const record = await findRequestRecord(store, requestKey(target.name, entry.method, scheduledSlot(due, entry.tier)));
  if (record === undefined) return { facts: { ...slot, run: 'none' }, seen };
  const { backupId: operation } = record;
  const end = await endingOf(store, operation);
  if (end === 'under-way') return { facts: { ...slot, run: end, operation }, seen };
  if (end === 'completed')
    return { facts: { ...slot, run: end, operation }, seen: { ...seen, settled: { due: slot.due, operation } } };
  return { facts: { ...slot, run: 'failed', operation, ...(end.error && { error: end.error }) }, seen };
}

/** The name under which the watch remembers the schedule of cleanups. */
export const cleanupSchedule = 'cleanup';

/** When a cleanup was last due and when one last began, which its lease says. */
export async function lookAtCleanup(
  store: Store,
  { run, cleanup }: Pick<HoldfastConfig, 'run' | 'cleanup'>,
  when: { readonly before: Seen | undefined; readonly now: Date },
): Promise<{ readonly facts: CleanupFacts; readonly seen: Seen }> {
  const { seen, due } = lastSlot({ ...cleanup, enabled: run.cleanup }, when);
  const lease = await leaseAt(store, cleanupLeaseKey);
  return { facts: { due: due?.toISOString() ?? null, begunAt: lease?.since ?? null }, seen };
}

async function endingOf(
  store: Store,
  operation: BackupId,
): Promise<'under-way' | 'completed' | { readonly error?: ScheduleFacts['error'] }> {
  for await (const { key } of store.list(journalPrefix(operation))) {
    if (endedOperation(key) === undefined) continue;
    const event = await readEvent(store, key);
    if (event.event === 'backup-completed') return 'completed';
    return event.event === 'backup-failed' ? { error: event.error } : {};
  }
  return 'under-way';
}
