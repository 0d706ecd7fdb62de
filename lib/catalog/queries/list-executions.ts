import type { Client } from 'pg';
import type { BackupId, TargetName } from '../../core/ids.ts';
import type { BackupStatus, Method, Tier } from '../../core/vocabulary.ts';
import { type Execution, executionColumns } from './execution-columns.ts';

/** Which backups; all conditions that are given must hold. */
export type ExecutionFilter = {
  readonly target?: TargetName | undefined;
  readonly status?: BackupStatus | undefined;
  /** Began at this time or later. */
  readonly since?: string | undefined;
  /** Began before this time. */
  readonly until?: string | undefined;
  readonly tier?: Tier | undefined;
  readonly method?: Method | undefined;
  /** Come after this one in the list: where the page before ended. */
  readonly after?: { readonly startTime: string; readonly backupId: BackupId } | undefined;
  /** @default 100 */
  readonly limit?: number | undefined;
};

/** Backups as they stand now, newest first. */
export async function listExecutions(client: Client, filter: ExecutionFilter = {}): Promise<readonly Execution[]> {
  const { rows } = await client.query<Execution>(
    `select ${executionColumns}
     from backup_mgmt.backup_execution_s
     where load_end_date is null
       and ($1::text is null or target = $1::text)
       and ($2::text is null or backup_status = $2::text)
       and ($3::timestamptz is null or backup_start_time >= $3::timestamptz)
       and ($5::timestamptz is null or backup_start_time < $5::timestamptz)
       and ($6::text is null or tier = $6::text)
       and ($7::text is null or method = $7::text)
       and ($8::timestamptz is null or (backup_start_time, backup_bk) < ($8::timestamptz, $9::text))
     order by backup_start_time desc, backup_bk desc
     limit $4::integer`,
    [
      filter.target,
      filter.status,
      filter.since,
      filter.limit ?? 100,
      filter.until,
      filter.tier,
      filter.method,
      filter.after?.startTime,
      filter.after?.backupId,
    ],
  );
  return rows;
}
