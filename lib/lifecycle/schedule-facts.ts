import type { BackupEntry, HoldfastConfig, Target } from '../config/config.ts';
import { lastDue } from '../core/due-times.ts';
import type { ScheduleFacts } from '../core/find-problems.ts';
import type { WatchState } from '../core/health.ts';
import type { BackupId } from '../core/ids.ts';
import { endedOperation } from '../core/journal.ts';
import { journalPrefix, requestKey, scheduledSlot } from '../core/object-keys.ts';
import { readEvent } from '../store/journal.ts';
import { findRequestRecord } from '../store/request-records.ts';
import type { Store } from '../store/store.ts';

/** A start may be tried again, and clocks differ: what is due is looked for this much later. */
export const startGraceMs = 5 * 60_000;

type Seen = WatchState['schedules'][string];
export type ScheduleLook = { readonly facts: ScheduleFacts; readonly seen: Seen };

/** Every schedule of a configuration with its target. */
export const entriesOf = (
  config: HoldfastConfig,
): readonly { readonly target: Target; readonly entry: BackupEntry }[] =>
  config.targets.flatMap((target) => target.backups.map((entry) => ({ target, entry })));

/**
 * What became of the time at which a schedule was last due: two or three reads of the store, and none once its backup is known to be
 * complete. A schedule that is new, or was changed, has had nothing due before.
 */
export async function lookAtSchedule(
  store: Store,
  { target, entry }: { readonly target: Target; readonly entry: BackupEntry },
  { before, now }: { readonly before: Seen | undefined; readonly now: Date },
): Promise<ScheduleLook> {
  const as = `${entry.schedule} ${entry.timezone} ${entry.enabled ? 'enabled' : 'disabled'}`;
  const seen: Seen = before?.as === as ? before : { as, since: now.toISOString() };
  const due = entry.enabled
    ? lastDue({ cron: entry.schedule, timezone: entry.timezone }, new Date(now.getTime() - startGraceMs))
    : undefined;
  const about = { name: entry.name, target: target.name, method: entry.method, tier: entry.tier };
  if (due === undefined || due.toISOString() < seen.since) return { facts: { ...about, due: null, run: 'none' }, seen };

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
