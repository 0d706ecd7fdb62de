-- One index per question that operators, dashboards and the cleanup ask (docs/catalog.md has the queries); a test shows that
-- each is used among 50,000 backups. Nearly all ask
-- about current rows, so nearly all indexes hold those only and stay small whatever the history grows to.

-- One current row per key, and the way to it.
create unique index backup_execution_s_current on backup_mgmt.backup_execution_s (backup_hk)
  where load_end_date is null;
create unique index recovery_operation_s_current on backup_mgmt.recovery_operation_s (recovery_hk)
  where load_end_date is null;
create unique index backup_schedule_s_current on backup_mgmt.backup_schedule_s (schedule_hk)
  where load_end_date is null;

-- What happened lately; counts, durations and sizes per day and type.
create index backup_execution_s_start_time on backup_mgmt.backup_execution_s (backup_start_time)
  where load_end_date is null;
-- Completed in the last 24 hours; failed this week.
create index backup_execution_s_status on backup_mgmt.backup_execution_s (backup_status, backup_start_time)
  where load_end_date is null;
-- All backups of a target, newest first.
create index backup_execution_s_target on backup_mgmt.backup_execution_s (target, backup_start_time)
  where load_end_date is null;
-- The newest completed backup per target and tier, with one probe for each: freshness, and the base of a restore.
create index backup_execution_s_last_completed on backup_mgmt.backup_execution_s (target, tier, backup_end_time desc)
  where load_end_date is null and backup_status = 'COMPLETED';
-- Failures by code, with their messages.
create index backup_execution_s_failed on backup_mgmt.backup_execution_s (error_code, backup_end_time)
  where load_end_date is null and backup_status = 'FAILED';
-- What retention may remove.
create index backup_execution_s_retention on backup_mgmt.backup_execution_s (retention_until)
  where load_end_date is null and backup_status in ('COMPLETED', 'FAILED');
-- What waits for validation or a restore test.
create index backup_execution_s_verification on backup_mgmt.backup_execution_s (verification_status, backup_end_time)
  where load_end_date is null and backup_status = 'COMPLETED';
-- Was the slot of a schedule met?
create index backup_execution_s_scheduled_time on backup_mgmt.backup_execution_s (scheduled_time, target)
  where load_end_date is null and scheduled_time is not null;
-- Which backup was the state machine's execution? What the console shows is its name.
create index backup_execution_s_execution on backup_mgmt.backup_execution_s (execution)
  where load_end_date is null;
create index backup_execution_s_tenant on backup_mgmt.backup_execution_s (tenant_hk, backup_start_time)
  where load_end_date is null and tenant_hk is not null;
-- The catalog as it was on a day: history rows by the time they were loaded.
create index backup_execution_s_load_date on backup_mgmt.backup_execution_s (load_date);

create index recovery_operation_s_start_time on backup_mgmt.recovery_operation_s (recovery_start_time)
  where load_end_date is null;
create index recovery_operation_s_status on backup_mgmt.recovery_operation_s (recovery_status, recovery_start_time)
  where load_end_date is null;
create index recovery_operation_s_target on backup_mgmt.recovery_operation_s (target, recovery_start_time)
  where load_end_date is null;

create index backup_schedule_s_target on backup_mgmt.backup_schedule_s (target, tier)
  where load_end_date is null;

-- The links' other direction; their first column is served by the unique pair.
create index backup_schedule_execution_l_backup on backup_mgmt.backup_schedule_execution_l (backup_hk);
create index backup_execution_parent_l_parent on backup_mgmt.backup_execution_parent_l (parent_backup_hk);
create index recovery_operation_execution_l_backup on backup_mgmt.recovery_operation_execution_l (backup_hk);
