-- The catalog: what was backed up, restored and scheduled, as Data Vault 2.0 tables that operators query directly. Their
-- names are an interface. Rows are a projection of the store's journal (lib/catalog/project.ts) and can be made again from
-- it, so their times come from events: no column here defaults to now().
--
-- Satellites keep history. The current row is the one where load_end_date is null; a change closes it and inserts the next.
-- They repeat the business key of their hub, so that the usual questions need no join.
create schema backup_mgmt;

create table backup_mgmt.backup_execution_h (
  backup_hk bytea not null,
  backup_bk text not null,
  tenant_hk bytea null,
  load_date timestamptz not null,
  record_source text not null,
  constraint backup_execution_h_pk primary key (backup_hk),
  constraint backup_execution_h_bk_unique unique (backup_bk),
  constraint backup_execution_h_hk_is_sha256 check (octet_length(backup_hk) = 32),
  constraint backup_execution_h_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

create table backup_mgmt.recovery_operation_h (
  recovery_hk bytea not null,
  recovery_bk text not null,
  tenant_hk bytea null,
  load_date timestamptz not null,
  record_source text not null,
  constraint recovery_operation_h_pk primary key (recovery_hk),
  constraint recovery_operation_h_bk_unique unique (recovery_bk),
  constraint recovery_operation_h_hk_is_sha256 check (octet_length(recovery_hk) = 32),
  constraint recovery_operation_h_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

create table backup_mgmt.backup_schedule_h (
  schedule_hk bytea not null,
  schedule_bk text not null,
  tenant_hk bytea null,
  load_date timestamptz not null,
  record_source text not null,
  constraint backup_schedule_h_pk primary key (schedule_hk),
  constraint backup_schedule_h_bk_unique unique (schedule_bk),
  constraint backup_schedule_h_hk_is_sha256 check (octet_length(schedule_hk) = 32),
  constraint backup_schedule_h_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

create table backup_mgmt.backup_execution_s (
  backup_hk bytea not null,
  backup_bk text not null,
  tenant_hk bytea null,
  target text null, -- what the request said, down to execution: null only while the request itself is unknown
  engine text null,
  method text null,
  tier text null,
  backup_type text null,
  scheduled_time timestamptz null,
  requested_by_kind text null,
  requested_by_name text null,
  execution text null,
  backup_status text not null,
  backup_start_time timestamptz not null, -- of the request until the backup begins: a query by time misses no failure
  backup_end_time timestamptz null,
  backup_duration_seconds numeric(14, 3) null,
  backup_size_bytes bigint null,
  compressed_size_bytes bigint null,
  compression_ratio numeric(20, 4) null, -- size / compressed size: 4 means a quarter is stored
  verification_status text not null,
  verification_detail text null,
  error_code text null,
  error_message text null,
  error_hint text null,
  storage_location text null, -- on a failed backup: the part that can be restored all the same
  storage_type text null,
  retention_until timestamptz null,
  fencing_token bigint null,
  load_date timestamptz not null,
  load_end_date timestamptz null,
  record_source text not null,
  constraint backup_execution_s_pk primary key (backup_hk, load_date),
  constraint backup_execution_s_hub foreign key (backup_hk) references backup_mgmt.backup_execution_h,
  constraint backup_execution_s_engine_known check (engine in ('postgres', 'neo4j', 'redis', 'application')),
  constraint backup_execution_s_tier_known check (tier in ('daily', 'weekly', 'monthly', 'compliance', 'manual')),
  constraint backup_execution_s_type_known check (backup_type in ('FULL', 'INCREMENTAL')),
  constraint backup_execution_s_status_known check (
    backup_status in ('REQUESTED', 'RUNNING', 'COMPLETED', 'FAILED', 'EXPIRED', 'DELETED')
  ),
  constraint backup_execution_s_verification_known check (
    verification_status in ('PENDING', 'VALIDATED', 'VERIFIED', 'FAILED')
  ),
  constraint backup_execution_s_storage_type_known check (storage_type in ('s3', 'file')),
  constraint backup_execution_s_sizes_not_negative check (backup_size_bytes >= 0 and compressed_size_bytes >= 0),
  constraint backup_execution_s_history_forward check (load_end_date > load_date)
);

create table backup_mgmt.recovery_operation_s (
  recovery_hk bytea not null,
  recovery_bk text not null,
  tenant_hk bytea null,
  target text null,
  destination text null,
  recovery_type text null,
  recovery_target_time timestamptz null, -- the point asked for; null is the backup's own
  requested_by_kind text null,
  requested_by_name text null,
  execution text null,
  recovery_status text not null,
  recovery_start_time timestamptz not null, -- of the request until the recovery begins
  recovery_end_time timestamptz null,
  recovery_duration_seconds numeric(14, 3) null,
  restored_size_bytes bigint null,
  is_compared boolean not null, -- was the restored copy's content held against the manifest?
  error_code text null,
  error_message text null,
  error_hint text null,
  load_date timestamptz not null,
  load_end_date timestamptz null,
  record_source text not null,
  constraint recovery_operation_s_pk primary key (recovery_hk, load_date),
  constraint recovery_operation_s_hub foreign key (recovery_hk) references backup_mgmt.recovery_operation_h,
  constraint recovery_operation_s_type_known check (recovery_type in ('FULL', 'POINT_IN_TIME')),
  constraint recovery_operation_s_status_known check (
    recovery_status in ('REQUESTED', 'RUNNING', 'COMPLETED', 'FAILED')
  ),
  constraint recovery_operation_s_sizes_not_negative check (restored_size_bytes >= 0),
  constraint recovery_operation_s_history_forward check (load_end_date > load_date)
);

create table backup_mgmt.backup_schedule_s (
  schedule_hk bytea not null,
  schedule_bk text not null,
  tenant_hk bytea null,
  target text not null,
  engine text not null,
  method text not null,
  tier text not null,
  cron_expression text not null,
  timezone text not null,
  retention_days integer not null,
  is_enabled boolean not null,
  load_date timestamptz not null,
  load_end_date timestamptz null, -- with no later row: the schedule is no longer declared
  record_source text not null,
  constraint backup_schedule_s_pk primary key (schedule_hk, load_date),
  constraint backup_schedule_s_hub foreign key (schedule_hk) references backup_mgmt.backup_schedule_h,
  constraint backup_schedule_s_engine_known check (engine in ('postgres', 'neo4j', 'redis', 'application')),
  constraint backup_schedule_s_tier_known check (tier in ('daily', 'weekly', 'monthly', 'compliance', 'manual')),
  constraint backup_schedule_s_retention_positive check (retention_days > 0),
  constraint backup_schedule_s_history_forward check (load_end_date > load_date)
);

-- Which schedule a backup was made for.
create table backup_mgmt.backup_schedule_execution_l (
  schedule_execution_hk bytea not null,
  schedule_hk bytea not null,
  backup_hk bytea not null,
  load_date timestamptz not null,
  record_source text not null,
  constraint backup_schedule_execution_l_pk primary key (schedule_execution_hk),
  constraint backup_schedule_execution_l_pair_unique unique (schedule_hk, backup_hk),
  constraint backup_schedule_execution_l_schedule foreign key (schedule_hk) references backup_mgmt.backup_schedule_h,
  constraint backup_schedule_execution_l_backup foreign key (backup_hk) references backup_mgmt.backup_execution_h
);

-- Which backup an incremental one builds on.
create table backup_mgmt.backup_execution_parent_l (
  execution_parent_hk bytea not null,
  backup_hk bytea not null,
  parent_backup_hk bytea not null,
  load_date timestamptz not null,
  record_source text not null,
  constraint backup_execution_parent_l_pk primary key (execution_parent_hk),
  constraint backup_execution_parent_l_pair_unique unique (backup_hk, parent_backup_hk),
  constraint backup_execution_parent_l_not_itself check (backup_hk <> parent_backup_hk),
  constraint backup_execution_parent_l_backup foreign key (backup_hk) references backup_mgmt.backup_execution_h,
  constraint backup_execution_parent_l_parent foreign key (parent_backup_hk) references backup_mgmt.backup_execution_h
);

-- Which backup a recovery restores.
create table backup_mgmt.recovery_operation_execution_l (
  recovery_execution_hk bytea not null,
  recovery_hk bytea not null,
  backup_hk bytea not null,
  load_date timestamptz not null,
  record_source text not null,
  constraint recovery_operation_execution_l_pk primary key (recovery_execution_hk),
  constraint recovery_operation_execution_l_pair_unique unique (recovery_hk, backup_hk),
  constraint recovery_operation_execution_l_recovery
    foreign key (recovery_hk) references backup_mgmt.recovery_operation_h,
  constraint recovery_operation_execution_l_backup foreign key (backup_hk) references backup_mgmt.backup_execution_h
);
