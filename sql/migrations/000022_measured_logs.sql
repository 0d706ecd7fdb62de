-- With a log that is received, what a loss would have cost is not told by the backups before: between them the log goes on. How far it went is seen
-- as a backup's end is recorded, and stands in that event.

alter table backup_mgmt.backup_execution_s
  add column log_point timestamptz null,
  add column log_point_seen_at timestamptz null;

-- What a loss at each backup would have cost: just before its end, the age that the point before it then had; by the log, the age of its end when that
-- was seen. Whichever is less, since both could have been used.
create or replace view backup_mgmt.measured_rpo as
select
  backup.backup_bk,
  backup.tenant_hk,
  backup.target,
  backup.backup_end_time as measured_at,
  backup.restorable_point,
  previous.restorable_point as previous_restorable_point,
  least(by_backups.seconds, by_log.seconds)::numeric(14, 3) as rpo_seconds,
  backup.log_point,
  case
    when by_log.seconds <= coalesce(by_backups.seconds, by_log.seconds) then 'log'
    when by_backups.seconds is not null then 'backup'
  end as measured_by
from backup_mgmt.backup_execution_s as backup
left join lateral (
  select earlier.restorable_point
  from backup_mgmt.backup_execution_s as earlier
  where earlier.load_end_date is null
    and earlier.backup_status = 'COMPLETED'
    and earlier.verification_status <> 'FAILED'
    and earlier.method is distinct from 'schema'
    and earlier.target = backup.target
    and earlier.restorable_point < backup.restorable_point
  order by earlier.restorable_point desc
  limit 1
) as previous on true
cross join lateral (select extract(epoch from backup.backup_end_time - previous.restorable_point) as seconds) as by_backups
cross join lateral (
  -- Null without a log, of which greatest() would make 0.
  select case when backup.log_point is not null then greatest(0, extract(epoch from backup.log_point_seen_at - backup.log_point)) end as seconds
) as by_log
where backup.load_end_date is null
  and backup.backup_status = 'COMPLETED'
  and backup.verification_status <> 'FAILED'
  and backup.method is distinct from 'schema';
