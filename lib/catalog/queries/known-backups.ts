import type { Client } from 'pg';
import type { TargetName } from '../../core/ids.ts';
import type { KnownBackup, KnownRestoreTest } from '../../core/restorable-points.ts';

/** What restorable points are made of. */
export type KnownBackups = {
  readonly backups: readonly (KnownBackup & { readonly target: TargetName })[];
  readonly restoreTests: readonly (KnownRestoreTest & { readonly target: TargetName })[];
};

/** Is something of what the backup builds on known to be bad? Then it is, whatever is known of itself. */
const buildsOnBad = `exists (
  with recursive ancestor as (
    select link.parent_backup_hk as backup_hk
    from backup_mgmt.backup_execution_parent_l as link
    where link.backup_hk = satellite.backup_hk
    union
    select link.parent_backup_hk
    from ancestor
    join backup_mgmt.backup_execution_parent_l as link on link.backup_hk = ancestor.backup_hk
  )
  select
  from ancestor
  join backup_mgmt.backup_execution_s as known on known.backup_hk = ancestor.backup_hk and known.load_end_date is null
  where known.verification_status = 'FAILED'
)`;

/** Of each target a few backups by index, and its last restore test: it costs the same after ten years as after ten days. */
export async function knownBackups(
  client: Client,
  { targets, perTarget }: { readonly targets: readonly TargetName[]; readonly perTarget: number },
): Promise<KnownBackups> {
  const complete = `
    select backup_bk, target, backup_end_time, restorable_point, verified_point,
      case when ${buildsOnBad} then 'FAILED' else verification_status end as verification_status
    from backup_mgmt.backup_execution_s as satellite
    where load_end_date is null and backup_status = 'COMPLETED' and method is distinct from 'schema'
      and satellite.target = asked.target`;
  const verified = `verification_status = 'VERIFIED' and not ${buildsOnBad}`;
  const { rows: backups } = await client.query<KnownBackups['backups'][number]>(
    `select distinct
       known.target,
       known.backup_bk as "backupId",
       known.backup_end_time as "endedAt",
       known.restorable_point as "restorablePoint",
       known.verification_status as "verification",
       known.verified_point as "verifiedPoint"
     from unnest($1::text[]) as asked (target)
     cross join lateral (
       (${complete} and verification_status <> 'FAILED' and not ${buildsOnBad} order by restorable_point desc limit $2::integer)
       union all
       (${complete} and ${verified} order by restorable_point desc limit 1)
       union all
       (${complete} and ${verified} and verified_point is not null order by verified_point desc limit 1)
       union all
       (${complete} order by restorable_point desc limit 1)
     ) as known
     order by known.target, known.restorable_point desc`,
    [targets, perTarget],
  );
  const { rows: restoreTests } = await client.query<KnownBackups['restoreTests'][number]>(
    `select
       last.target,
       last.validation_bk as "validationId",
       last.backup_bk as "backupId",
       last.validation_status as "status",
       last.validation_end_time as "endedAt",
       last.rto_seconds as "rtoSeconds",
       round(last.bytes_read / nullif(last.restore_seconds, 0)) as "bytesPerSecond",
       '[' || last.error_code || '] ' || last.error_message as "error"
     from unnest($1::text[]) as asked (target)
     cross join lateral (
       select *
       from backup_mgmt.validation_results as result
       where result.target = asked.target and validation_type = 'restore-test' and validation_status <> 'RUNNING'
       order by validation_timestamp desc
       limit 1
     ) as last
     order by last.target`,
    [targets],
  );
  return { backups, restoreTests };
}
