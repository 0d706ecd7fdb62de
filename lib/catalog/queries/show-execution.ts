import type { Client } from 'pg';
import { hashKey } from '../hash-key.ts';
import { type Execution, executionColumns } from './execution-columns.ts';

/** A backup at one stage of its life: from `since` until the next stage, as `source` (an event's key in the store) said. */
export type ExecutionStage = Execution & {
  readonly since: string;
  readonly until: string | null;
  readonly source: string;
};

/** All stages of one backup, oldest first; the last is how it stands now. Empty when the catalog does not know it. */
export async function showExecution(client: Client, backupId: string): Promise<readonly ExecutionStage[]> {
  const { rows } = await client.query<ExecutionStage>(
    `select ${executionColumns},
       load_date as "since",
       load_end_date as "until",
       record_source as "source"
     from backup_mgmt.backup_execution_s
     where backup_hk = $1::bytea
     order by load_date`,
    [hashKey(backupId)],
  );
  return rows;
}
