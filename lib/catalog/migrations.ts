// Generated from sql/migrations by scripts/build-sql-module.ts.

/** One step of the catalog's schema. `version` counts from 1 without gaps. */
export type Migration = { readonly version: number; readonly name: string; readonly sql: string };

/** All of them, in order. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'data_vault',
    sql: `-- The catalog: what was backed up, restored and scheduled, as Data Vault 2.0 tables that operators query directly. Their
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
`,
  },
  {
    version: 2,
    name: 'indexes',
    sql: `-- One index per question that operators, dashboards and the cleanup ask (docs/catalog.md has the queries); a test shows that
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
`,
  },
  {
    version: 3,
    name: 'applied_event',
    sql: `-- The journal's events that the rows of backup_mgmt were made from. The primary key is what makes applying exactly-once;
-- the payload is kept so that an event which comes late finds the others of its operation here, with no way to the store.
create table holdfast.applied_event (
  event_key text not null, -- the object's key in the store
  operation text not null,
  event_name text not null,
  payload jsonb not null,
  applied_at timestamptz not null default now(),
  constraint applied_event_pk primary key (event_key)
);

create index applied_event_operation on holdfast.applied_event (operation);
create index applied_event_declarations on holdfast.applied_event (event_name) where event_name = 'schedules-declared';
`,
  },
  {
    version: 4,
    name: 'roles',
    sql: `-- Roles belong to the cluster, not to this database: another catalog of the same server may have made them, at this very
-- moment even. They are made when missing and otherwise left as they are. No superuser is needed: CREATEROLE is enough.
--
--   backup_operator   people: read and correct rows, call functions; no delete, no truncate, no DDL
--   holdfast_writer   the catalog Lambda: applies events
--   holdfast_reader   dashboards and reports: reads
do $$
declare
  role_name text;
begin
  foreach role_name in array array['backup_operator', 'holdfast_writer', 'holdfast_reader'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      begin
        -- Only the Lambda's role logs in, and it has no password: IAM, a socket's peer, or a password that the owner sets.
        execute format('create role %I %s', role_name, case role_name when 'holdfast_writer' then 'login' else 'nologin' end);
      exception
        when duplicate_object or unique_violation then null; -- made by another catalog meanwhile
      end;
    end if;
  end loop;

  -- On RDS, who has this role authenticates with IAM.
  if exists (select from pg_catalog.pg_roles where rolname = 'rds_iam')
    and not pg_has_role('holdfast_writer', 'rds_iam', 'member') then
    grant rds_iam to holdfast_writer;
  end if;

  -- The owner takes the writer's role on for all but migrations, so that each run proves the writer's grants sufficient.
  -- Who may not grant it (the role was made by another owner) has to connect as holdfast_writer. Membership is not asked
  -- for first: since PostgreSQL 16 a role's maker is a member that may not take it on.
  if current_user <> 'holdfast_writer' and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    begin
      execute format('grant holdfast_writer to %I', current_user);
    exception
      when unique_violation then null; -- granted by another catalog's migration meanwhile
      when insufficient_privilege then
        raise notice 'role holdfast_writer belongs to another owner: connect as holdfast_writer to apply events';
    end;
  end if;
end
$$;

grant usage on schema backup_mgmt to backup_operator, holdfast_writer, holdfast_reader;
grant usage on schema holdfast to holdfast_writer, holdfast_reader;

grant select, insert, update on all tables in schema backup_mgmt to backup_operator;
grant execute on all functions in schema backup_mgmt to backup_operator;
alter default privileges in schema backup_mgmt grant select, insert, update on tables to backup_operator;
alter default privileges in schema backup_mgmt grant execute on functions to backup_operator;

grant select on all tables in schema backup_mgmt to holdfast_reader, holdfast_writer;
grant select on all tables in schema holdfast to holdfast_reader, holdfast_writer;
alter default privileges in schema backup_mgmt grant select on tables to holdfast_reader, holdfast_writer;
alter default privileges in schema holdfast grant select on tables to holdfast_reader, holdfast_writer;

-- The writer closes satellite rows and never changes what they say. It deletes them only to put history that was projected
-- without a late event in order.
grant insert on all tables in schema backup_mgmt to holdfast_writer;
grant insert on holdfast.applied_event to holdfast_writer;
grant update (load_end_date), delete on
  backup_mgmt.backup_execution_s,
  backup_mgmt.recovery_operation_s,
  backup_mgmt.backup_schedule_s
to holdfast_writer;
grant update (load_date, record_source, tenant_hk) on
  backup_mgmt.backup_execution_h,
  backup_mgmt.recovery_operation_h,
  backup_mgmt.backup_schedule_h
to holdfast_writer;
grant update (load_date, record_source) on
  backup_mgmt.backup_schedule_execution_l,
  backup_mgmt.backup_execution_parent_l,
  backup_mgmt.recovery_operation_execution_l
to holdfast_writer;
`,
  },
  {
    version: 5,
    name: 'schedule_changes',
    sql: `-- Schedules can be changed by hand, without a deployment. Every such change is an event, and so a row of its own.
alter table backup_mgmt.backup_schedule_s
  add column changed_by_kind text null, -- who changed it last by hand, be it back to what is configured; null: nobody has
  add column changed_by_name text null;

create index applied_event_schedule_changes on holdfast.applied_event (event_name) where event_name = 'schedule-changed';
`,
  },
];
