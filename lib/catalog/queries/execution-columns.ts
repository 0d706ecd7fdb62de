import type { BackupId, TargetName } from '../../core/ids.ts';
import type { BackupStatus, EngineName, Method, Tier, VerificationStatus } from '../../core/vocabulary.ts';

/** A backup as the catalog knows it. Times are ISO text in UTC; what is not known (yet) is null. */
export type Execution = {
  readonly backupId: BackupId;
  readonly target: TargetName | null;
  readonly engine: EngineName | null;
  readonly method: Method | null;
  readonly tier: Tier | null;
  readonly type: 'FULL' | 'INCREMENTAL' | null;
  readonly status: BackupStatus;
  readonly startTime: string;
  readonly endTime: string | null;
  readonly durationSeconds: number | null;
  readonly plainBytes: number | null;
  readonly storedBytes: number | null;
  readonly compressionRatio: number | null;
  readonly verification: VerificationStatus;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorHint: string | null;
  readonly storageLocation: string | null;
  readonly retentionUntil: string | null;
  readonly scheduledTime: string | null;
  readonly requestedByKind: string | null;
  readonly requestedByName: string | null;
  readonly execution: string | null;
  /** Not null: nobody may remove it. */
  readonly holdSince: string | null;
  readonly holdBy: string | null;
  readonly holdReason: string | null;
  /** Of an expired or deleted backup: the rule that let it go. */
  readonly expiryReason: string | null;
};

/** The select list that gives an `Execution` from `backup_mgmt.backup_execution_s`. */
export const executionColumns = `
  backup_bk as "backupId",
  target,
  engine,
  method,
  tier,
  backup_type as "type",
  backup_status as "status",
  backup_start_time as "startTime",
  backup_end_time as "endTime",
  backup_duration_seconds as "durationSeconds",
  backup_size_bytes as "plainBytes",
  compressed_size_bytes as "storedBytes",
  compression_ratio as "compressionRatio",
  verification_status as "verification",
  error_code as "errorCode",
  error_message as "errorMessage",
  error_hint as "errorHint",
  storage_location as "storageLocation",
  retention_until as "retentionUntil",
  scheduled_time as "scheduledTime",
  requested_by_kind as "requestedByKind",
  requested_by_name as "requestedByName",
  execution,
  hold_since as "holdSince",
  hold_by as "holdBy",
  hold_reason as "holdReason",
  expiry_reason as "expiryReason"`;
