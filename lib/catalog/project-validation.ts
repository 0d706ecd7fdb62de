import { type BackupId, timeOfId } from '../core/ids.ts';
import { compareEvents, type JournalEvent, journalKey } from '../core/journal.ts';
import type { ValidationStatus, ValidationType } from '../core/vocabulary.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { instant, secondsBetween } from './history.ts';

export type ValidationEvent = Extract<
  JournalEvent,
  { event: 'validation-ended' | 'restore-test-requested' | 'restore-test-ended' }
>;

/** A row of `backup_mgmt.validation_results`. Numerics are text, so that no digit is lost. */
export type ValidationRow = {
  readonly validation_bk: BackupId;
  readonly backup_hk: string;
  readonly backup_bk: BackupId;
  readonly tenant_hk: string | null;
  readonly target: string;
  readonly validation_type: ValidationType;
  readonly validation_status: ValidationStatus;
  readonly validation_timestamp: string;
  readonly validation_start_time: string;
  readonly validation_end_time: string | null;
  readonly validation_duration_seconds: string | null;
  readonly objects_checked: number | null;
  readonly bytes_read: number | null;
  readonly databases_restored: number | null;
  readonly tables_compared: number | null;
  readonly rows_compared: number | null;
  readonly relations_checked: number | null;
  readonly assertions_checked: number | null;
  readonly server_version: string | null;
  readonly rto_seconds: string | null;
  readonly restore_seconds: string | null;
  readonly reason: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_hint: string | null;
  readonly requested_by_kind: string;
  readonly requested_by_name: string | null;
  readonly execution: string | null;
  readonly load_date: string;
  readonly record_source: string;
};

/** The row of one validation, from all of its events in any order: the last has the last word, and what only an earlier one says stays. */
export function projectValidation(operation: BackupId, events: readonly ValidationEvent[]): ValidationRow {
  const sorted = [...events].sort(compareEvents);
  const [first] = sorted;
  if (first === undefined) throw new RangeError(`no events of validation '${operation}'`);
  let row = unknownValidation(operation, first);
  for (const event of sorted) {
    row = {
      ...row,
      ...changeOf(event),
      tenant_hk: tenantKey(event.tenant),
      requested_by_kind: event.requestedBy.kind,
      requested_by_name: event.requestedBy.name ?? null,
      load_date: instant(event.at),
      record_source: journalKey(event),
    };
  }
  return row;
}

function unknownValidation(operation: BackupId, { backupId, target }: ValidationEvent): ValidationRow {
  const askedAt = timeOfId(operation).toISOString();
  return {
    validation_bk: operation,
    backup_hk: hashKey(backupId),
    backup_bk: backupId,
    tenant_hk: null,
    target,
    validation_type: 'restore-test',
    validation_status: 'RUNNING',
    validation_timestamp: askedAt,
    validation_start_time: askedAt,
    validation_end_time: null,
    validation_duration_seconds: null,
    objects_checked: null,
    bytes_read: null,
    databases_restored: null,
    tables_compared: null,
    rows_compared: null,
    relations_checked: null,
    assertions_checked: null,
    server_version: null,
    rto_seconds: null,
    restore_seconds: null,
    reason: null,
    error_code: null,
    error_message: null,
    error_hint: null,
    requested_by_kind: 'user',
    requested_by_name: null,
    execution: null,
    load_date: askedAt,
    record_source: '',
  };
}

function changeOf(event: ValidationEvent): Partial<ValidationRow> {
  if (event.event === 'restore-test-requested') {
    const at = instant(event.at);
    return { validation_timestamp: at, validation_start_time: at, reason: event.reason, execution: event.execution };
  }
  const ended = {
    validation_status: event.status,
    validation_timestamp: instant(event.endedAt),
    validation_start_time: instant(event.beganAt),
    validation_end_time: instant(event.endedAt),
    validation_duration_seconds: secondsBetween(event.beganAt, event.endedAt),
    error_code: event.error?.code ?? null,
    error_message: event.error?.message ?? null,
    error_hint: event.error?.hint ?? null,
  };
  if (event.event === 'validation-ended')
    return { ...ended, validation_type: event.type, objects_checked: event.objects, bytes_read: event.readBytes };
  const { figures, rtoSeconds } = event;
  return {
    ...ended,
    bytes_read: figures?.restoredBytes ?? null,
    databases_restored: figures?.databases ?? null,
    tables_compared: figures?.tables ?? null,
    rows_compared: figures?.rows ?? null,
    relations_checked: figures?.relations ?? null,
    assertions_checked: figures?.assertions ?? null,
    server_version: figures?.serverVersion ?? null,
    restore_seconds: figures?.restoreSeconds.toFixed(3) ?? null,
    rto_seconds: rtoSeconds?.toFixed(3) ?? null,
  };
}
