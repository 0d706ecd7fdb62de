import { type BackupId, timeOfId } from '../core/ids.ts';
import { compareEvents, type JournalEvent, journalKey } from '../core/journal.ts';
import { nameOfRequester } from '../core/manifest.ts';
import { knownAfter, unverified } from '../core/verification.ts';
import { type BackupStatus, bringsDataBack, type VerificationStatus } from '../core/vocabulary.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { type Change, historyOf, instant, secondsBetween, type Validity } from './history.ts';

export type BackupEvent = Extract<JournalEvent, { event: `backup-${string}` }>;

/** The columns of `backup_execution_s` that say what is known of a backup. Numerics are text, so that no digit is lost. */
export type BackupState = {
  readonly backup_hk: string;
  readonly backup_bk: BackupId;
  readonly tenant_hk: string | null;
  readonly target: string | null;
  readonly engine: string | null;
  readonly method: string | null;
  readonly tier: string | null;
  readonly backup_type: 'FULL' | 'INCREMENTAL' | 'SCHEMA' | null;
  readonly scheduled_time: string | null;
  readonly requested_by_kind: string | null;
  readonly requested_by_name: string | null;
  readonly execution: string | null;
  readonly backup_status: BackupStatus;
  readonly backup_start_time: string;
  readonly backup_end_time: string | null;
  readonly backup_duration_seconds: string | null;
  readonly backup_size_bytes: number | null;
  readonly compressed_size_bytes: number | null;
  readonly compression_ratio: string | null;
  readonly verification_status: VerificationStatus;
  readonly verification_detail: string | null;
  readonly verified_point: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_hint: string | null;
  readonly storage_location: string | null;
  readonly storage_type: string | null;
  readonly retention_until: string | null;
  readonly restorable_point: string | null;
  readonly made_from: string | null;
  readonly log_point: string | null;
  readonly log_point_seen_at: string | null;
  readonly fencing_token: number | null;
  readonly hold_since: string | null;
  readonly hold_by: string | null;
  readonly hold_reason: string | null;
  readonly expiry_reason: string | null;
};

/**
 * The history of one backup, from all of its events in any order.
 *
 * A failure after the completion (the run could not be announced, say) is noted with its reason and takes nothing back: the
 * backup is in the store, whole and read back. A completion after a failure (the execution was redriven) clears it. A backup that was to go
 * and stays is again what it was before.
 */
export function projectBackup(
  operation: BackupId,
  events: readonly BackupEvent[],
): readonly (BackupState & Validity)[] {
  const changes: Change<BackupState>[] = [];
  let state = unknownBackup(operation);
  let known = unverified;
  let beforeExpiry: BackupStatus = state.backup_status;
  for (const event of [...events].sort(compareEvents)) {
    if (event.event === 'backup-expired' && state.backup_status !== 'EXPIRED') beforeExpiry = state.backup_status;
    known = knownAfter(known, event);
    const verification = {
      verification_status: known.status,
      verification_detail: known.detail,
      verified_point: known.restoredPoint === undefined ? null : instant(known.restoredPoint),
    };
    state = {
      ...state,
      ...changeOf(state, event, beforeExpiry),
      ...verification,
      tenant_hk: tenantKey(event.tenant),
    };
    changes.push({ at: event.at, source: journalKey(event), row: state });
  }
  return historyOf(changes);
}

function unknownBackup(operation: BackupId): BackupState {
  return {
    backup_hk: hashKey(operation),
    backup_bk: operation,
    tenant_hk: null,
    target: null,
    engine: null,
    method: null,
    tier: null,
    backup_type: null,
    scheduled_time: null,
    requested_by_kind: null,
    requested_by_name: null,
    execution: null,
    backup_status: 'REQUESTED',
    backup_start_time: timeOfId(operation).toISOString(),
    backup_end_time: null,
    backup_duration_seconds: null,
    backup_size_bytes: null,
    compressed_size_bytes: null,
    compression_ratio: null,
    verification_status: 'PENDING',
    verification_detail: null,
    verified_point: null,
    error_code: null,
    error_message: null,
    error_hint: null,
    storage_location: null,
    storage_type: null,
    retention_until: null,
    restorable_point: null,
    made_from: null,
    log_point: null,
    log_point_seen_at: null,
    fencing_token: null,
    hold_since: null,
    hold_by: null,
    hold_reason: null,
    expiry_reason: null,
  };
}

const typeOf = (method: string, parent: BackupId | null): BackupState['backup_type'] =>
  !bringsDataBack(method) ? 'SCHEMA' : parent === null ? 'FULL' : 'INCREMENTAL';

/** What a backup builds on is known when it has ended. */
const buildingOn = ({ method }: BackupState, parent: BackupId | undefined): Partial<BackupState> =>
  method === null || parent === undefined ? {} : { backup_type: typeOf(method, parent) };

function changeOf(state: BackupState, event: BackupEvent, beforeExpiry: BackupStatus): Partial<BackupState> {
  switch (event.event) {
    case 'backup-requested':
      return {
        target: event.target,
        engine: event.engine,
        method: event.method,
        tier: event.tier,
        backup_type: typeOf(event.method, event.parent),
        scheduled_time: event.scheduledTime === null ? null : instant(event.scheduledTime),
        requested_by_kind: event.requestedBy.kind,
        requested_by_name: event.requestedBy.name ?? null,
        execution: event.execution,
        backup_start_time: instant(event.at),
      };
    case 'backup-begun':
      return {
        backup_status: 'RUNNING',
        // A second attempt does not move the beginning.
        ...(state.backup_status === 'REQUESTED' && { backup_start_time: instant(event.at) }),
        fencing_token: event.fencingToken,
      };
    case 'backup-completed':
      return {
        ...buildingOn(state, event.parent),
        backup_status: 'COMPLETED',
        ...ended(event.beganAt, event.endedAt),
        ...sizes(event.plainBytes, event.storedBytes),
        error_code: null,
        error_message: null,
        error_hint: null,
        storage_location: event.storageLocation,
        storage_type: event.storageType,
        retention_until: instant(event.retentionUntil),
        // The snapshot is taken after the beginning, so that is what is safe to say where nothing was said. Definitions alone are no point.
        restorable_point:
          state.method !== null && !bringsDataBack(state.method)
            ? null
            : instant(event.restorablePoint ?? event.beganAt),
        made_from: event.madeFrom ?? null,
        log_point: event.logPoint === undefined ? null : instant(event.logPoint.at),
        log_point_seen_at: event.logPoint === undefined ? null : instant(event.logPoint.seenAt),
      };
    case 'backup-failed': {
      const error = {
        error_code: event.error.code,
        error_message: event.error.message,
        error_hint: event.error.hint,
      };
      if (state.backup_status === 'COMPLETED') return error;
      return {
        ...error,
        ...buildingOn(state, event.parent),
        backup_status: 'FAILED',
        ...ended(state.backup_start_time, event.endedAt),
        ...(event.plainBytes !== undefined &&
          event.storedBytes !== undefined &&
          sizes(event.plainBytes, event.storedBytes)),
        storage_location: event.storageLocation ?? null,
        storage_type: event.storageType ?? null,
        retention_until: event.retentionUntil === undefined ? null : instant(event.retentionUntil),
      };
    }
    case 'backup-verified':
      return {};
    case 'backup-held':
      return {
        hold_since: instant(event.at),
        hold_by: nameOfRequester(event.heldBy),
        hold_reason: event.reason,
      };
    case 'backup-released':
      return { hold_since: null, hold_by: null, hold_reason: null };
    case 'backup-expired':
      return { backup_status: 'EXPIRED', expiry_reason: event.reason };
    case 'backup-kept':
      return { backup_status: beforeExpiry, expiry_reason: null };
    case 'backup-deleted':
      return { backup_status: 'DELETED', storage_location: null };
  }
}

function ended(beganAt: string, endedAt: string): Partial<BackupState> {
  return {
    backup_start_time: instant(beganAt),
    backup_end_time: instant(endedAt),
    backup_duration_seconds: secondsBetween(beganAt, endedAt),
  };
}

function sizes(plainBytes: number, storedBytes: number): Partial<BackupState> {
  return {
    backup_size_bytes: plainBytes,
    compressed_size_bytes: storedBytes,
    compression_ratio: storedBytes === 0 ? null : (plainBytes / storedBytes).toFixed(4),
  };
}
