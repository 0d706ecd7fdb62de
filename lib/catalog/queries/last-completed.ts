import type { Client } from 'pg';
import { type Execution, executionColumns } from './execution-columns.ts';

/** The newest completed backup of each target and tier. */
export async function lastCompleted(client: Client): Promise<readonly Execution[]> {
  const { rows } = await client.query<Execution>(
    `select distinct on (target, tier) ${executionColumns}
     from backup_mgmt.backup_execution_s
     where load_end_date is null and backup_status = 'COMPLETED'
     order by target, tier, backup_end_time desc, backup_bk desc`,
  );
  return rows;
}
