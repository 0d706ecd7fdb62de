import type { Client } from 'pg';
import type { TargetName } from '../../core/ids.ts';
import type { Method } from '../../core/vocabulary.ts';
import { type Execution, executionColumns } from './execution-columns.ts';

/** A target, and a method by which it is backed up. */
export type Series = { readonly target: TargetName; readonly method: Method };

/** Of each series asked for, as far as there is one: the run that ended last, however, and the newest complete backup. */
export type NewestPerSeries = { readonly ended: readonly Execution[]; readonly completed: readonly Execution[] };

/** The newest of each series, by one probe of the index for each: it costs the same after ten years as after ten days. */
export async function newestPerSeries(client: Client, series: readonly Series[]): Promise<NewestPerSeries> {
  const newest = async (statuses: readonly string[]): Promise<readonly Execution[]> => {
    const { rows } = await client.query<Execution>(
      `select ${executionColumns}
       from unnest($1::text[], $2::text[]) as asked (asked_target, asked_method)
       cross join lateral (
         select *
         from backup_mgmt.backup_execution_s
         where load_end_date is null
           and target = asked_target
           and method = asked_method
           and backup_status = any ($3::text[])
         order by backup_start_time desc, backup_bk desc
         limit 1
       ) as newest
       order by target, method`,
      [series.map(({ target }) => target), series.map(({ method }) => method), statuses],
    );
    return rows;
  };
  // What retention has removed since was a success all the same; it is no longer there to be restored.
  return {
    ended: await newest(['COMPLETED', 'FAILED', 'EXPIRED', 'DELETED']),
    completed: await newest(['COMPLETED']),
  };
}
