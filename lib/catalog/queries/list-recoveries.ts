import type { Client } from 'pg';
import type { BackupId, TargetName } from '../../core/ids.ts';
import type { RestoreProof } from '../../core/restore-proof.ts';

/** A recovery as the catalog knows it, with the backup that it restores. */
export type Recovery = {
  readonly recoveryId: BackupId;
  readonly backupId: BackupId | null;
  readonly target: TargetName | null;
  readonly destination: string | null;
  readonly status: 'REQUESTED' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  readonly startTime: string;
  readonly endTime: string | null;
  readonly durationSeconds: number | null;
  readonly restoredBytes: number | null;
  readonly isCompared: boolean;
  readonly proof: RestoreProof | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorHint: string | null;
  readonly execution: string | null;
  /** Since when its execution waits for a second person, and when it is given up; null when it waits for nobody. */
  readonly approvalAwaitedSince: string | null;
  readonly approvalAwaitedUntil: string | null;
};

export type RecoveryFilter = {
  readonly target?: TargetName | undefined;
  readonly since?: string | undefined;
  /** This one and no other. */
  readonly recoveryId?: BackupId | undefined;
  /** Come after this one in the list: where the page before ended. */
  readonly after?: { readonly startTime: string; readonly recoveryId: BackupId } | undefined;
  /** @default 100 */
  readonly limit?: number | undefined;
};

/** Recoveries as they stand now, newest first. */
export async function listRecoveries(client: Client, filter: RecoveryFilter = {}): Promise<readonly Recovery[]> {
  const { rows } = await client.query<Recovery>(
    `select
       recovery.recovery_bk as "recoveryId",
       backup.backup_bk as "backupId",
       recovery.target,
       recovery.destination,
       recovery.recovery_status as "status",
       recovery.recovery_start_time as "startTime",
       recovery.recovery_end_time as "endTime",
       recovery.recovery_duration_seconds as "durationSeconds",
       recovery.restored_size_bytes as "restoredBytes",
       recovery.is_compared as "isCompared",
       recovery.proof,
       recovery.error_code as "errorCode",
       recovery.error_message as "errorMessage",
       recovery.error_hint as "errorHint",
       recovery.execution,
       wait.waits_since as "approvalAwaitedSince",
       wait.waits_until as "approvalAwaitedUntil"
     from backup_mgmt.recovery_operation_s as recovery
     left join backup_mgmt.recovery_operation_execution_l as link on link.recovery_hk = recovery.recovery_hk
     left join backup_mgmt.backup_execution_h as backup on backup.backup_hk = link.backup_hk
     left join holdfast.request as request
       on recovery.recovery_status = 'REQUESTED' and request.request_bk = recovery.recovery_bk and request.is_undecided
     left join holdfast.approval_wait as wait on wait.request_bk = request.request_bk
     where recovery.load_end_date is null
       and ($1::text is null or recovery.target = $1::text)
       and ($2::timestamptz is null or recovery.recovery_start_time >= $2::timestamptz)
       and ($4::text is null or recovery.recovery_bk = $4::text)
       and (
         $5::timestamptz is null
         or (recovery.recovery_start_time, recovery.recovery_bk) < ($5::timestamptz, $6::text)
       )
     order by recovery.recovery_start_time desc, recovery.recovery_bk desc
     limit $3::integer`,
    [
      filter.target,
      filter.since,
      filter.limit ?? 100,
      filter.recoveryId,
      filter.after?.startTime,
      filter.after?.recoveryId,
    ],
  );
  return rows;
}
