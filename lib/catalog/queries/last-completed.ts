import type { Client } from 'pg';
import { type Execution, executionColumns } from './execution-columns.ts';

/**
 * The newest completed backup of each target and tier that brings the data back: the definitions alone do not. Hops through the index from one pair to the next, so that it costs the same
 * after ten years as after ten days.
 */
export async function lastCompleted(client: Client): Promise<readonly Execution[]> {
  const { rows } = await client.query<Execution>(
    `with recursive pair as (
       (
         select target, tier
         from backup_mgmt.backup_execution_s
         where load_end_date is null and backup_status = 'COMPLETED' and method is distinct from 'schema'
         order by target, tier
         limit 1
       )
       union all
       select next.target, next.tier
       from pair
       cross join lateral (
         select target, tier
         from backup_mgmt.backup_execution_s
         where load_end_date is null and backup_status = 'COMPLETED' and method is distinct from 'schema'
           and (target, tier) > (pair.target, pair.tier)
         order by target, tier
         limit 1
       ) as next
     )
     select ${executionColumns}
     from (
       select newest.*
       from pair
       cross join lateral (
         select *
         from backup_mgmt.backup_execution_s as satellite
         where load_end_date is null
           and backup_status = 'COMPLETED'
           and method is distinct from 'schema'
           and (satellite.target, satellite.tier) = (pair.target, pair.tier)
         order by backup_end_time desc
         limit 1
       ) as newest
     ) as newest
     order by target, tier`,
  );
  return rows;
}
