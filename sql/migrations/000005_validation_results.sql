-- Every look that was taken at a backup: one row each, kept. Unlike the satellites it has no history of its own, because a
-- validation is asked for, ends, and never changes again.
create table backup_mgmt.validation_results (
  validation_bk text not null,
  backup_hk bytea not null,
  backup_bk text not null,
  tenant_hk bytea null,
  target text not null,
  validation_type text not null,
  validation_status text not null,
  validation_timestamp timestamptz not null, -- when it ended; when it began, while it runs
  validation_start_time timestamptz not null,
  validation_end_time timestamptz null,
  validation_duration_seconds numeric(14, 3) null,
  objects_checked bigint null,
  bytes_read bigint null, -- of a restore test: bytes restored
  databases_restored integer null,
  tables_compared bigint null,
  rows_compared bigint null,
  relations_checked bigint null, -- tables and indexes that amcheck went through
  assertions_checked integer null,
  server_version text null, -- of the server that it was restored into
  rto_seconds numeric(14, 3) null, -- from the request until everything was in place and compared
  restore_seconds numeric(14, 3) null, -- of these, reading, restoring and comparing
  reason text null, -- why this backup was tested
  error_code text null,
  error_message text null,
  error_hint text null,
  requested_by_kind text not null,
  requested_by_name text null,
  execution text null,
  load_date timestamptz not null,
  record_source text not null,
  constraint validation_results_pk primary key (validation_bk),
  constraint validation_results_hk_is_sha256 check (octet_length(backup_hk) = 32),
  constraint validation_results_tenant_is_sha256 check (octet_length(tenant_hk) = 32),
  constraint validation_results_type_known check (validation_type in ('full', 'sample', 'restore-test')),
  constraint validation_results_status_known check (
    validation_status in ('RUNNING', 'PASSED', 'FAILED', 'NOT_TESTABLE', 'ERROR')
  )
);

create index validation_results_timestamp on backup_mgmt.validation_results (validation_timestamp);
create index validation_results_backup on backup_mgmt.validation_results (backup_bk, validation_timestamp);
-- The last restore test of a target.
create index validation_results_restore_test on backup_mgmt.validation_results (target, validation_timestamp)
  where validation_type = 'restore-test' and validation_status <> 'RUNNING';

-- Rows of a validation are made again when a later event of it arrives.
grant insert, delete on backup_mgmt.validation_results to holdfast_writer;

-- The moment that a backup brings back, which is that of its snapshot and not the end of its run.
alter table backup_mgmt.backup_execution_s add column restorable_point timestamptz null;
update backup_mgmt.backup_execution_s set restorable_point = backup_start_time where backup_status = 'COMPLETED';
alter table backup_mgmt.recovery_operation_s add column restore_seconds numeric(14, 3) null;

-- The newest restorable points of a target, and the newest verified one.
create index backup_execution_s_restorable on backup_mgmt.backup_execution_s (target, restorable_point)
  where load_end_date is null and backup_status = 'COMPLETED';
create index backup_execution_s_verified on backup_mgmt.backup_execution_s (target, restorable_point)
  where load_end_date is null and backup_status = 'COMPLETED' and verification_status = 'VERIFIED';

-- How long recoveries took and would have taken, measured.
create view backup_mgmt.measured_rto as
select
  'recovery' as measured_by,
  recovery.recovery_bk as operation_bk,
  recovery.tenant_hk,
  recovery.target,
  backup.backup_bk,
  recovery.recovery_end_time as measured_at,
  recovery.recovery_duration_seconds as rto_seconds,
  recovery.restore_seconds,
  recovery.restored_size_bytes as restored_bytes,
  round(recovery.restored_size_bytes / nullif(recovery.restore_seconds, 0)) as bytes_per_second
from backup_mgmt.recovery_operation_s as recovery
left join backup_mgmt.recovery_operation_execution_l as link on link.recovery_hk = recovery.recovery_hk
left join backup_mgmt.backup_execution_h as backup on backup.backup_hk = link.backup_hk
where recovery.load_end_date is null and recovery.recovery_status = 'COMPLETED'
union all
select
  'restore-test',
  validation_bk,
  tenant_hk,
  target,
  backup_bk,
  validation_end_time,
  rto_seconds,
  restore_seconds,
  bytes_read,
  round(bytes_read / nullif(restore_seconds, 0))
from backup_mgmt.validation_results
where validation_type = 'restore-test' and rto_seconds is not null;

-- What a loss just before the end of each backup would have cost: the age that the point before it then had. By an index probe
-- for each backup, so that a question about a week does not sort years.
create view backup_mgmt.measured_rpo as
select
  backup.backup_bk,
  backup.tenant_hk,
  backup.target,
  backup.backup_end_time as measured_at,
  backup.restorable_point,
  previous.restorable_point as previous_restorable_point,
  extract(epoch from backup.backup_end_time - previous.restorable_point)::numeric(14, 3) as rpo_seconds
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
where backup.load_end_date is null
  and backup.backup_status = 'COMPLETED'
  and backup.verification_status <> 'FAILED'
  and backup.method is distinct from 'schema';
