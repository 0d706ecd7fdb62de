import { type BackupId, timeOfId } from '../core/ids.ts';
import { compareEvents, type JournalEvent, journalKey } from '../core/journal.ts';
import type { RestoreProof } from '../core/restore-proof.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { type Change, historyOf, instant, secondsBetween, type Validity } from './history.ts';

export type RecoveryEvent = Extract<JournalEvent, { event: `recovery-${string}` }>;

/** The columns of `recovery_operation_s` that say what is known of a recovery. Numerics are text. */
export type RecoveryState = {
  readonly recovery_hk: string;
  readonly recovery_bk: BackupId;
  readonly tenant_hk: string | null;
  readonly target: string | null;
  readonly destination: string | null;
  readonly recovery_type: 'FULL' | 'POINT_IN_TIME' | null;
  readonly recovery_target_time: string | null;
  readonly requested_by_kind: string | null;
  readonly requested_by_name: string | null;
  readonly execution: string | null;
  readonly recovery_status: 'REQUESTED' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  readonly recovery_start_time: string;
  readonly recovery_end_time: string | null;
  readonly recovery_duration_seconds: string | null;
  readonly restored_size_bytes: number | null;
  readonly restore_seconds: string | null;
  readonly reached_time: string | null;
  readonly reached_lsn: string | null;
  readonly reached_timeline: number | null;
  readonly is_compared: boolean;
  readonly proof: RestoreProof | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_hint: string | null;
};

/** The history of one recovery, from all of its events in any order. */
export function projectRecovery(
  operation: BackupId,
  events: readonly RecoveryEvent[],
): readonly (RecoveryState & Validity)[] {
  const changes: Change<RecoveryState>[] = [];
  let state = unknownRecovery(operation);
  for (const event of [...events].sort(compareEvents)) {
    state = { ...state, ...changeOf(event), tenant_hk: tenantKey(event.tenant) };
    changes.push({ at: event.at, source: journalKey(event), row: state });
  }
  return historyOf(changes);
}

function unknownRecovery(operation: BackupId): RecoveryState {
  return {
    recovery_hk: hashKey(operation),
    recovery_bk: operation,
    tenant_hk: null,
    target: null,
    destination: null,
    recovery_type: null,
    recovery_target_time: null,
    requested_by_kind: null,
    requested_by_name: null,
    execution: null,
    recovery_status: 'REQUESTED',
    recovery_start_time: timeOfId(operation).toISOString(),
    recovery_end_time: null,
    recovery_duration_seconds: null,
    restored_size_bytes: null,
    restore_seconds: null,
    reached_time: null,
    reached_lsn: null,
    reached_timeline: null,
    is_compared: false,
    proof: null,
    error_code: null,
    error_message: null,
    error_hint: null,
  };
}

function changeOf(event: RecoveryEvent): Partial<RecoveryState> {
  switch (event.event) {
    case 'recovery-requested':
      return {
        target: event.target,
        destination: event.destination,
        recovery_type: event.point === undefined ? 'FULL' : 'POINT_IN_TIME',
        recovery_target_time: event.targetTime === undefined ? null : instant(event.targetTime),
        requested_by_kind: event.requestedBy.kind,
        requested_by_name: event.requestedBy.name ?? null,
        execution: event.execution,
        recovery_start_time: instant(event.at),
      };
    case 'recovery-approval-awaited':
    case 'recovery-approved':
    case 'recovery-refused':
      return {};
    case 'recovery-begun':
      return { recovery_status: 'RUNNING', recovery_start_time: instant(event.at) };
    case 'recovery-ended':
      return {
        recovery_status: event.status,
        recovery_start_time: instant(event.beganAt),
        recovery_end_time: instant(event.endedAt),
        recovery_duration_seconds: secondsBetween(event.beganAt, event.endedAt),
        restored_size_bytes: event.restoredBytes,
        restore_seconds: event.restoreSeconds?.toFixed(3) ?? null,
        reached_time: event.reached?.at ? instant(event.reached.at) : null,
        reached_lsn: event.reached?.position ?? null,
        reached_timeline: event.reached?.timeline ?? null,
        is_compared: event.compared,
        proof: event.proof ?? null,
        error_code: event.error?.code ?? null,
        error_message: event.error?.message ?? null,
        error_hint: event.error?.hint ?? null,
      };
  }
}
