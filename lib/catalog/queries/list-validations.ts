import type { Client } from 'pg';
import type { BackupId, TargetName } from '../../core/ids.ts';
import type { ValidationStatus, ValidationType } from '../../core/vocabulary.ts';

/** A look that was taken at a backup. What was not measured is null. */
export type ValidationResult = {
  readonly validationId: BackupId;
  readonly backupId: BackupId;
  readonly target: TargetName;
  readonly type: ValidationType;
  readonly status: ValidationStatus;
  readonly startTime: string;
  readonly endTime: string | null;
  readonly durationSeconds: number | null;
  readonly objects: number | null;
  readonly bytesRead: number | null;
  readonly tables: number | null;
  readonly rows: number | null;
  readonly relations: number | null;
  readonly assertions: number | null;
  readonly serverVersion: string | null;
  readonly rtoSeconds: number | null;
  readonly restoreSeconds: number | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorHint: string | null;
  readonly execution: string | null;
};

export type ValidationFilter = {
  readonly target?: TargetName | undefined;
  readonly backupId?: BackupId | undefined;
  readonly type?: ValidationType | undefined;
  readonly status?: ValidationStatus | undefined;
  /** Ended, or began when it has not, at this time or later. */
  readonly since?: string | undefined;
  /** Come after this one in the list: where the page before ended. */
  readonly after?: { readonly at: string; readonly validationId: BackupId } | undefined;
  /** @default 100 */
  readonly limit?: number | undefined;
};

/** Validations, newest first. */
export async function listValidations(
  client: Client,
  filter: ValidationFilter = {},
): Promise<readonly ValidationResult[]> {
  const { rows } = await client.query<ValidationResult>(
    `select
       validation_bk as "validationId",
       backup_bk as "backupId",
       target,
       validation_type as "type",
       validation_status as "status",
       validation_start_time as "startTime",
       validation_end_time as "endTime",
       validation_duration_seconds as "durationSeconds",
       objects_checked as "objects",
       bytes_read as "bytesRead",
       tables_compared as "tables",
       rows_compared as "rows",
       relations_checked as "relations",
       assertions_checked as "assertions",
       server_version as "serverVersion",
       rto_seconds as "rtoSeconds",
       restore_seconds as "restoreSeconds",
       error_code as "errorCode",
       error_message as "errorMessage",
       error_hint as "errorHint",
       execution
     from backup_mgmt.validation_results
     where ($1::text is null or target = $1::text)
       and ($2::text is null or backup_bk = $2::text)
       and ($3::text is null or validation_type = $3::text)
       and ($4::text is null or validation_status = $4::text)
       and ($5::timestamptz is null or validation_timestamp >= $5::timestamptz)
       and ($7::timestamptz is null or (validation_timestamp, validation_bk) < ($7::timestamptz, $8::text))
     order by validation_timestamp desc, validation_bk desc
     limit $6::integer`,
    [
      filter.target,
      filter.backupId,
      filter.type,
      filter.status,
      filter.since,
      filter.limit ?? 100,
      filter.after?.at,
      filter.after?.validationId,
    ],
  );
  return rows;
}
