import type { Client } from 'pg';
import { type BackupId, timeOfId } from '../core/ids.ts';
import { type JournalEvent, journalKey } from '../core/journal.ts';
import { journalPrefix } from '../core/object-keys.ts';
import { isUnavailable } from './catalog-error.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { inTransaction } from './in-transaction.ts';
import { type BackupEvent, projectBackup } from './project-backup.ts';
import { projectRecovery, type RecoveryEvent } from './project-recovery.ts';
import { projectSchedules, type ScheduleEvent } from './project-schedules.ts';
import { projectValidation, type ValidationEvent } from './project-validation.ts';
import { insertAppliedEvents } from './sql/insert-applied-events.ts';
import { insertTenants } from './sql/insert-tenants.ts';
import { lockOperation } from './sql/lock-operation.ts';
import { noteEvents } from './sql/note-events.ts';
import { replaceHistory } from './sql/replace-history.ts';
import { replaceTargets } from './sql/replace-targets.ts';
import { replaceValidation } from './sql/replace-validation.ts';
import { selectEventsOfOperation } from './sql/select-events-of-operation.ts';
import { selectNewestTargets } from './sql/select-newest-targets.ts';
import { selectScheduleEvents } from './sql/select-schedule-events.ts';
import { type HubRow, upsertHub } from './sql/upsert-hub.ts';
import { upsertLink } from './sql/upsert-link.ts';

/** How many events were new to the catalog, and how many it knew. */
export type ApplyResult = { readonly applied: number; readonly known: number };

/**
 * Applies journal events to the catalog: idempotent, exactly once, in any order.
 *
 * Invariant: an event's key and the rows that follow from it are committed together, one transaction per operation. A crash leaves
 * some operations applied and the others as they were; applying all again is right. The rows of an operation are always those
 * that all of its known events give together, sorted: so any order, and any repetition, ends in the same rows.
 *
 * An operation that the catalog refuses (a row put in by hand is in its way, say) does not keep the others out: they are applied, then its
 * error is thrown.
 */
export async function applyEvents(client: Client, events: readonly JournalEvent[]): Promise<ApplyResult> {
  let applied = 0;
  const refusals: unknown[] = [];
  for (const [operation, ofOperation] of Map.groupBy(events, lockOf)) {
    try {
      applied += await applyTogether(client, operation, ofOperation);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length > 0) throw refusals[0];
  return { applied, known: events.length - applied };
}

/** What must not be projected twice at a time: an operation; for what concerns schedules, all of them together; for declarations of targets, all targets. */
function lockOf(event: JournalEvent): string {
  if (event.event === 'schedules-declared' || event.event === 'schedule-changed') return 'schedules';
  return event.event === 'targets-declared' ? 'targets' : event.operation;
}

function applyTogether(client: Client, lock: string, events: readonly JournalEvent[]): Promise<number> {
  return inTransaction(client, async () => {
    // Before the insert: what a concurrent transaction has inserted must be committed, and so visible, when all events are read.
    await lockOperation(client, lock);
    const inserted = await insertAppliedEvents(client, uniqueByKey(events));
    if (inserted.length > 0) {
      await insertTenants(client, events.flatMap(tenantsIn));
      await noteEvents(client, inserted);
      if (lock === 'schedules') await writeSchedules(client, await selectScheduleEvents(client));
      else if (lock === 'targets') await replaceTargets(client, await selectNewestTargets(client));
      else await writeOperation(client, lock as BackupId, await selectEventsOfOperation(client, lock));
    }
    return inserted.length;
  });
}

/** Every tenant that an event speaks of. */
const tenantsIn = (event: JournalEvent): readonly string[] =>
  [
    event.tenant,
    ...('schedules' in event ? event.schedules.map(({ tenant }) => tenant) : []),
    ...('targets' in event ? event.targets.map(({ tenant }) => tenant) : []),
  ].filter((tenant) => tenant !== null);

const uniqueByKey = (events: readonly JournalEvent[]): readonly JournalEvent[] => [
  ...new Map(events.toReversed().map((event) => [journalKey(event), event])).values(),
];

async function writeOperation(client: Client, operation: BackupId, events: readonly JournalEvent[]): Promise<void> {
  const ofBackup = events.filter((event): event is BackupEvent => event.event.startsWith('backup-'));
  const ofRecovery = events.filter((event): event is RecoveryEvent => event.event.startsWith('recovery-'));
  if (ofBackup.length > 0) await writeBackup(client, operation, ofBackup);
  if (ofRecovery.length > 0) await writeRecovery(client, operation, ofRecovery);
  const ofValidation = events.filter(
    (event): event is ValidationEvent => event.event.startsWith('restore-test-') || event.event === 'validation-ended',
  );
  if (ofValidation.length > 0) await replaceValidation(client, projectValidation(operation, ofValidation));
}

async function writeBackup(client: Client, operation: BackupId, events: readonly BackupEvent[]): Promise<void> {
  const hub = operationRow(operation, tenantOf(events));
  await upsertHub(client, 'backup_execution_h', hub);
  await replaceHistory(client, 'backup_execution_s', [hub.hash_key], projectBackup(operation, events));
  for (const event of events) {
    const seen = { load_date: hub.load_date, record_source: journalKey(event) };
    if ('parent' in event && event.parent != null) {
      const parent = operationRow(event.parent, hub.tenant_hk);
      await upsertHub(client, 'backup_execution_h', parent);
      await upsertLink(client, 'backup_execution_parent_l', {
        ...seen,
        hash_key: hashKey(operation, event.parent),
        from: hub.hash_key,
        to: parent.hash_key,
      });
    }
    if (event.event !== 'backup-requested') continue;
    if (event.requestedBy.kind === 'schedule' && event.requestedBy.name !== undefined) {
      const schedule = {
        ...seen,
        hash_key: hashKey(event.requestedBy.name),
        business_key: event.requestedBy.name,
        tenant_hk: hub.tenant_hk,
      };
      await upsertHub(client, 'backup_schedule_h', schedule);
      await upsertLink(client, 'backup_schedule_execution_l', {
        ...seen,
        hash_key: hashKey(event.requestedBy.name, operation),
        from: schedule.hash_key,
        to: hub.hash_key,
      });
    }
  }
}

async function writeRecovery(client: Client, operation: BackupId, events: readonly RecoveryEvent[]): Promise<void> {
  const hub = operationRow(operation, tenantOf(events));
  await upsertHub(client, 'recovery_operation_h', hub);
  await replaceHistory(client, 'recovery_operation_s', [hub.hash_key], projectRecovery(operation, events));
  for (const event of events) {
    if (event.event !== 'recovery-requested') continue;
    const backup = operationRow(event.backupId, hub.tenant_hk);
    await upsertHub(client, 'backup_execution_h', backup);
    await upsertLink(client, 'recovery_operation_execution_l', {
      hash_key: hashKey(operation, event.backupId),
      from: hub.hash_key,
      to: backup.hash_key,
      load_date: hub.load_date,
      record_source: journalKey(event),
    });
  }
}

async function writeSchedules(client: Client, events: readonly ScheduleEvent[]): Promise<void> {
  const rows = projectSchedules(events);
  const first = new Map(rows.toReversed().map((row) => [row.schedule_hk, row]));
  for (const row of first.values()) {
    await upsertHub(client, 'backup_schedule_h', {
      hash_key: row.schedule_hk,
      business_key: row.schedule_bk,
      tenant_hk: row.tenant_hk,
      load_date: row.load_date,
      record_source: row.record_source,
    });
  }
  await replaceHistory(client, 'backup_schedule_s', [...first.keys()], rows);
}

/** A hub row of an operation: the same whoever speaks of it first, since an id carries its time. */
const operationRow = (operation: BackupId, tenant_hk: string | null): HubRow => ({
  hash_key: hashKey(operation),
  business_key: operation,
  tenant_hk,
  load_date: timeOfId(operation).toISOString(),
  record_source: journalPrefix(operation),
});

/** All events of an operation are of one tenant; should they differ, the smallest speaks, whatever the order. */
const tenantOf = (events: readonly JournalEvent[]): string | null =>
  events.map(({ tenant }) => tenantKey(tenant)).sort()[0] ?? null;
