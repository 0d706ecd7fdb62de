-- Operators' usual questions, and the queue and the audit trail, as views. Read by everybody who may read the tables beneath; where the server
-- can (15 and later) with the reader's own rights, so that row-level security holds in them. On 13 and 14 a view reads with its
-- owner's, and tenants are not given any.

-- Success counts and average duration per day and type, over 7 days.
create view backup_mgmt.backup_success_by_day as
select
  date_trunc('day', backup_start_time) as day,
  backup_type,
  count(*) as backups,
  count(*) filter (where backup_status = 'COMPLETED') as completed,
  count(*) filter (where backup_status = 'FAILED') as failed,
  round(avg(backup_duration_seconds), 1) as average_seconds
from backup_mgmt.backup_execution_s
where load_end_date is null
  and backup_start_time >= now() - interval '7 days'
group by 1, 2;

-- Sizes and compression ratio per type, over 30 days.
create view backup_mgmt.backup_sizes_by_type as
select
  backup_type,
  count(*) as backups,
  sum(backup_size_bytes) as total_size_bytes,
  sum(compressed_size_bytes) as total_compressed_size_bytes,
  round(avg(backup_size_bytes)) as average_size_bytes,
  round(avg(compression_ratio), 2) as average_compression_ratio
from backup_mgmt.backup_execution_s
where load_end_date is null
  and backup_status = 'COMPLETED'
  and backup_start_time >= now() - interval '30 days'
group by backup_type;

-- Failed backups, and why.
create view backup_mgmt.failed_backups as
select
  backup_bk, target, tier, backup_type, backup_start_time, backup_end_time, error_code, error_message, error_hint,
  storage_location, requested_by_kind, requested_by_name, execution, tenant_hk
from backup_mgmt.backup_execution_s
where load_end_date is null
  and backup_status = 'FAILED';

-- Backups that were completed in the last 24 hours.
create view backup_mgmt.backups_completed_last_24_hours as
select
  backup_bk, target, tier, backup_type, backup_start_time, backup_end_time, backup_duration_seconds, backup_size_bytes,
  compressed_size_bytes, compression_ratio, verification_status, storage_location, retention_until, tenant_hk
from backup_mgmt.backup_execution_s
where load_end_date is null
  and backup_status = 'COMPLETED'
  and backup_end_time >= now() - interval '24 hours';

-- What was asked for by SQL, and how far it is. The status of a request that was started is that of its backup or recovery.
create view backup_mgmt.requests as
select
  r.request_bk,
  r.kind,
  r.target,
  r.method,
  r.tier,
  case
    when r.status = 'QUEUED' and r.needs_approval and r.approved_by is null then 'WAITING_FOR_APPROVAL'
    when r.status = 'QUEUED' and r.run_at > now() then 'SCHEDULED'
    when r.status = 'TAKEN' then case when r.waits_for is null then 'TAKEN' else 'WAITING' end
    when r.status in ('STARTED', 'ENDED') then coalesce(b.backup_status, o.recovery_status, r.status)
    else r.status
  end as request_status,
  r.requested_by,
  r.requested_at,
  r.run_at,
  r.approved_by,
  r.waits_for,
  -- How long it has been due and nobody has taken it. Minutes mean that nobody looks: does `take-requests` run?
  case
    when r.status = 'QUEUED' and (not r.needs_approval or r.approved_by is not null) and r.run_at <= now()
      then round(extract(epoch from now() - r.run_at))::bigint
  end as untaken_seconds,
  r.attempts,
  r.execution,
  coalesce(r.error_code, b.error_code, o.error_code) as error_code,
  coalesce(r.error_message, b.error_message, o.error_message) as error_message,
  coalesce(r.error_hint, b.error_hint, o.error_hint) as error_hint,
  r.tenant_hk
from holdfast.request as r
left join backup_mgmt.backup_execution_s as b
  on r.kind = 'backup' and b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8')) and b.load_end_date is null
left join backup_mgmt.recovery_operation_s as o
  on r.kind = 'recovery' and o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8')) and o.load_end_date is null;

-- Who did what, when, from where.
create view backup_mgmt.audit_trail as
select
  occurred_at, action, subject, target, actor_kind, actor_name, client_address, execution, detail, tenant_hk,
  entry_key as record_source,
  'compliance' as retention_class,
  occurred_at + interval '7 years' as retained_until
from holdfast.audit_entry;

do $$
declare
  relation text;
begin
  foreach relation in array array[
    'backup_success_by_day', 'backup_sizes_by_type', 'failed_backups', 'backups_completed_last_24_hours', 'requests', 'audit_trail'
  ] loop
    -- Tables' default privileges hold for views too, and a simple view can be written through.
    execute format('revoke insert, update on backup_mgmt.%I from backup_operator', relation);
    if current_setting('server_version_num')::integer >= 150000 then
      execute format('alter view backup_mgmt.%I set (security_invoker = true)', relation);
      execute format('grant select on backup_mgmt.%I to backup_tenant', relation);
    end if;
  end loop;
end
$$;

-- Functions are everybody's to call unless that is taken back.
revoke execute on all functions in schema holdfast from public;
revoke execute on all functions in schema backup_mgmt from public;
revoke execute on all procedures in schema backup_mgmt from public;
grant execute on function
  backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text),
  backup_mgmt.create_incremental_backup(bytea, bytea, text, text),
  backup_mgmt.initiate_point_in_time_recovery(bytea, timestamptz, text, boolean, text, text, text, text),
  backup_mgmt.schedule_backup(bytea, timestamptz, text, text, text, boolean),
  backup_mgmt.verify_backup_integrity(bytea, bytea, text),
  backup_mgmt.cleanup_expired_backups(bytea, text, boolean),
  backup_mgmt.get_next_scheduled_backups(integer)
to backup_operator, backup_tenant;
grant execute on function backup_mgmt.get_next_scheduled_backups(integer) to holdfast_reader;
grant execute on procedure backup_mgmt.await_backup(text, interval, text) to backup_operator, backup_tenant, holdfast_reader;
grant execute on function holdfast.new_operation_id(timestamptz) to holdfast_writer;
grant execute on procedure backup_mgmt.approve_recovery(text) to backup_operator;

comment on function backup_mgmt.create_full_backup is 'Requests a full backup of every target that is yours, or of one; a row for each';
comment on function backup_mgmt.create_incremental_backup is 'Requests an incremental backup where a target''s methods can make one';
comment on function backup_mgmt.initiate_point_in_time_recovery is 'Requests a recovery to a point in time, or says which point can be reached';
comment on function backup_mgmt.schedule_backup is 'Requests a backup at a later time';
comment on function backup_mgmt.verify_backup_integrity is 'Requests a restore test of a backup, or of the newest one of each target';
comment on function backup_mgmt.cleanup_expired_backups is 'Requests the removal of expired backups';
comment on function backup_mgmt.get_next_scheduled_backups is 'The backups that are due within the next hours';
comment on procedure backup_mgmt.await_backup is 'Waits until a backup has ended; raises an error when it failed';
comment on procedure backup_mgmt.approve_recovery is 'Lets a recovery that somebody else requested run';
