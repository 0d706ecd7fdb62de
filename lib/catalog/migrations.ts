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
    name: 'validation_results',
    sql: `-- Every look that was taken at a backup: one row each, kept. Unlike the satellites it has no history of its own, because a
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
`,
  },
  {
    version: 6,
    name: 'retention',
    sql: `-- Why a backup is kept beyond its time or was removed. All four follow from events: backup-held and backup-released, backup-expired and
-- backup-kept, backup-deleted.
alter table backup_mgmt.backup_execution_s
  add column hold_since timestamptz null, -- not null: nobody may remove it
  add column hold_by text null,
  add column hold_reason text null,
  add column expiry_reason text null; -- of an expired or deleted backup: the rule that let it go
`,
  },
  {
    version: 7,
    name: 'tenants',
    sql: `-- Tenants. Every hub and satellite row bears the hash key of the tenant that its target belongs to; null is system-wide.
--
-- Who a session is, is what it logged in as: a role. holdfast.tenant_role says which roles stand for which tenant, and only
-- the catalog's owner writes it. A setting (set holdfast.tenant = …) would be anybody's to change; membership in a role is not.
-- Like a grant, the mapping belongs to this database and is not in the store.
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'backup_tenant') then
    begin
      create role backup_tenant nologin;
    exception
      when duplicate_object or unique_violation then null; -- made by another catalog meanwhile
    end;
  end if;
end
$$;

-- The names behind tenants' hash keys, as far as events have spoken of them.
create table holdfast.tenant (
  tenant_hk bytea not null,
  tenant text not null,
  constraint tenant_pk primary key (tenant_hk)
);

create table holdfast.tenant_role (
  role_name name not null,
  tenant text not null,
  constraint tenant_role_pk primary key (role_name, tenant)
);

grant insert on holdfast.tenant to holdfast_writer;

-- The tenants that a role stands for, by itself or by a role that it has the privileges of. Policies call it with current_user,
-- and it reads what that user may not.
create function holdfast.tenants_of(role_name name) returns bytea[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(sha256(convert_to(mapped.tenant, 'UTF8'))), '{}')
  from holdfast.tenant_role as mapped
  join pg_catalog.pg_roles as role on role.rolname = mapped.role_name
  where pg_has_role($1, role.oid, 'usage')
$$;
revoke execute on function holdfast.tenants_of(name) from public;
grant execute on function holdfast.tenants_of(name) to backup_tenant;

-- Policies. A tenant reads its own rows and writes none: its requests go through functions. The sub-select makes the tenants
-- of a session a value that is computed once, so that an index can be asked for them.
do $$
declare
  relation text;
begin
  foreach relation in array array[
    'backup_execution_h', 'recovery_operation_h', 'backup_schedule_h',
    'backup_execution_s', 'recovery_operation_s', 'backup_schedule_s'
  ] loop
    execute format('alter table backup_mgmt.%I enable row level security', relation);
    execute format(
      'create policy system_wide on backup_mgmt.%I to backup_operator, holdfast_writer, holdfast_reader
       using (true) with check (true)',
      relation
    );
    execute format(
      'create policy own_tenant on backup_mgmt.%I for select to backup_tenant
       using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]))',
      relation
    );
  end loop;
end
$$;

-- A link is its backup's or recovery's: whoever sees that hub row sees the link. Policies hold within policies.
alter table backup_mgmt.backup_schedule_execution_l enable row level security;
alter table backup_mgmt.backup_execution_parent_l enable row level security;
alter table backup_mgmt.recovery_operation_execution_l enable row level security;
create policy system_wide on backup_mgmt.backup_schedule_execution_l
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy system_wide on backup_mgmt.backup_execution_parent_l
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy system_wide on backup_mgmt.recovery_operation_execution_l
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on backup_mgmt.backup_schedule_execution_l for select to backup_tenant
  using (exists (select from backup_mgmt.backup_execution_h as own where own.backup_hk = backup_schedule_execution_l.backup_hk));
create policy own_tenant on backup_mgmt.backup_execution_parent_l for select to backup_tenant
  using (exists (select from backup_mgmt.backup_execution_h as own where own.backup_hk = backup_execution_parent_l.backup_hk));
create policy own_tenant on backup_mgmt.recovery_operation_execution_l for select to backup_tenant
  using (
    exists (select from backup_mgmt.recovery_operation_h as own where own.recovery_hk = recovery_operation_execution_l.recovery_hk)
  );

grant usage on schema backup_mgmt to backup_tenant;
-- By name, and not by default: a table that is added later is no tenant's to read before it has policies of its own.
grant select on
  backup_mgmt.backup_execution_h,
  backup_mgmt.recovery_operation_h,
  backup_mgmt.backup_schedule_h,
  backup_mgmt.backup_execution_s,
  backup_mgmt.recovery_operation_s,
  backup_mgmt.backup_schedule_s,
  backup_mgmt.backup_schedule_execution_l,
  backup_mgmt.backup_execution_parent_l,
  backup_mgmt.recovery_operation_execution_l
to backup_tenant;
`,
  },
  {
    version: 8,
    name: 'targets',
    sql: `-- What is configured, as far as functions here have to know it: from the newest targets-declared event, which each
-- deployment of a changed configuration leaves. Replaced as a whole; lost, it is made again from the journal.
create table holdfast.target (
  target text not null,
  engine text not null,
  tenant_hk bytea null,
  methods text[] not null, -- the first is the target's usual one
  incremental_methods text[] not null,
  constraint target_pk primary key (target),
  constraint target_has_a_method check (cardinality(methods) > 0),
  constraint target_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

create table holdfast.installation (
  only_one boolean not null default true,
  storage_type text not null,
  storage_location text not null,
  compression text not null,
  machines text[] not null, -- the kinds of state machine that there are: backup, restore …
  record_source text not null,
  constraint installation_pk primary key (only_one),
  constraint installation_only_one check (only_one)
);

-- Settings of this database that no configuration knows, written by its owner. 'take-requests-function': the ARN of the function
-- that takes requests, for servers with the aws_lambda extension.
create table holdfast.setting (
  name text not null,
  value text not null,
  constraint setting_pk primary key (name),
  constraint setting_known check (name in ('take-requests-function'))
);

-- The newest completed backup of a target, and the newest before a time: what is restored, and what is verified.
create index backup_execution_s_newest_completed on backup_mgmt.backup_execution_s (target, backup_end_time desc)
  where load_end_date is null and backup_status = 'COMPLETED';

create index applied_event_targets on holdfast.applied_event ((payload ->> 'at')) where event_name = 'targets-declared';

grant insert, delete on holdfast.target, holdfast.installation to holdfast_writer;
`,
  },
  {
    version: 9,
    name: 'audit_trail',
    sql: `-- Who asked for, approved, ran, deleted or restored what, when, and from where. Entries are a projection of the journal's events, by
-- one function for all of them; calls of SQL functions that have no event (yet) put theirs in beside. Nothing here is ever
-- changed or removed: no role has the privilege, and a trigger refuses it to the owner too.
--
-- Retention class: compliance, seven years, as the journal that the entries come from.
create table holdfast.audit_entry (
  entry_key text not null, -- the event's key in the store, or sql/<uuid> for a call without an event
  occurred_at timestamptz not null,
  action text not null,
  subject text not null, -- the backup, recovery or request that it was about
  target text null,
  tenant_hk bytea null,
  actor_kind text not null,
  actor_name text null,
  client_address text null,
  execution text null,
  detail jsonb not null,
  constraint audit_entry_pk primary key (entry_key),
  constraint audit_entry_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);
create index audit_entry_occurred_at on holdfast.audit_entry (occurred_at);
create index audit_entry_subject on holdfast.audit_entry (subject, occurred_at);
create index audit_entry_actor on holdfast.audit_entry (actor_name, occurred_at);
create index audit_entry_tenant on holdfast.audit_entry (tenant_hk, occurred_at) where tenant_hk is not null;

create function holdfast.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the audit trail is append-only'
    using errcode = 'insufficient_privilege', hint = 'put a correction beside it, as an entry of its own';
end
$$;
create trigger audit_entry_is_append_only
  before update or delete or truncate on holdfast.audit_entry
  for each statement execute function holdfast.refuse_change();

-- The entry that follows from an event. The same event gives the same entry, and a second one is none.
create function holdfast.note_event(event_key text, event jsonb) returns void
language sql
as $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, execution, detail
  )
  select
    event_key,
    (event ->> 'at')::timestamptz,
    event ->> 'event',
    event ->> 'operation',
    event ->> 'target',
    sha256(convert_to(event ->> 'tenant', 'UTF8')),
    coalesce(actor ->> 'kind', 'holdfast'),
    actor ->> 'name',
    actor ->> 'address',
    event ->> 'execution',
    event - array['at', 'event', 'operation', 'target', 'tenant', 'requestedBy', 'approvedBy', 'by', 'execution', 'schedules', 'targets']
  from coalesce(event -> 'requestedBy', event -> 'approvedBy', event -> 'by') as actor
  on conflict do nothing
$$;
revoke execute on function holdfast.note_event(text, jsonb), holdfast.refuse_change() from public;
grant execute on function holdfast.note_event(text, jsonb) to holdfast_writer;

grant insert on holdfast.audit_entry to holdfast_writer;
-- Through the view backup_mgmt.audit_trail: nobody else may name this schema.
grant select on holdfast.audit_entry to backup_operator, backup_tenant;
alter table holdfast.audit_entry enable row level security;
create policy system_wide on holdfast.audit_entry
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on holdfast.audit_entry for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));

-- What happened before there was a trail.
select holdfast.note_event(event_key, payload) from holdfast.applied_event;
`,
  },
  {
    version: 10,
    name: 'requests',
    sql: `-- Requests that SQL functions make. A row waits here until the function \`take-requests\` hands it to a state machine: at once
-- where somebody listens on channel \`holdfast\` or the server can invoke a function, within a minute otherwise.
--
-- A request for a backup or a recovery has its REQUESTED row in the tables from the beginning. That row is what the events
-- kept here project to, so it stays as it is when they are recorded. The events are journaled when the request is taken.
create table holdfast.request (
  request_bk text not null, -- of a backup or recovery: its own business key
  kind text not null,
  target text null, -- null: all
  method text null,
  tier text null,
  is_verification_asked boolean not null default false,
  tenant_hk bytea null,
  requested_by text not null, -- the role that called, and what its session had logged in as
  requested_login text not null default session_user,
  requested_at timestamptz not null,
  run_at timestamptz not null, -- not taken earlier
  scheduled_time timestamptz null,
  needs_approval boolean not null default false,
  approved_by text null,
  machine text not null,
  execution text not null, -- the name under which it is started: a second start is the same execution
  input jsonb not null,
  events jsonb[] not null default '{}',
  status text not null default 'QUEUED',
  taken_at timestamptz null,
  attempts integer not null default 0,
  waits_for text null, -- why it was given back
  ended_at timestamptz null,
  error_code text null,
  error_message text null,
  error_hint text null,
  constraint request_pk primary key (request_bk),
  constraint request_kind_known check (kind in ('backup', 'recovery', 'verification', 'cleanup')),
  constraint request_status_known check (status in ('QUEUED', 'TAKEN', 'STARTED', 'ENDED', 'FAILED')),
  constraint request_tenant_is_sha256 check (octet_length(tenant_hk) = 32)
);

-- A backup that waits already is what a second request for the same one gets: it begins after both were made. One row per wish.
create unique index request_waiting on holdfast.request
  (target, method, tier, is_verification_asked, coalesce(scheduled_time, '-infinity'))
  where kind = 'backup' and status = 'QUEUED';
create index request_queue on holdfast.request (run_at, request_bk) where status in ('QUEUED', 'TAKEN', 'STARTED');
create index request_requested_at on holdfast.request (requested_at);
create index request_tenant on holdfast.request (tenant_hk, requested_at) where tenant_hk is not null;

-- The rest of the columns are as they were asked for. It inserts the restore test that a backup was requested with.
grant insert on holdfast.request to holdfast_writer;
grant update (status, taken_at, attempts, waits_for, ended_at, error_code, error_message, error_hint)
  on holdfast.request to holdfast_writer;
grant select on holdfast.request to backup_operator, backup_tenant;
alter table holdfast.request enable row level security;
create policy system_wide on holdfast.request
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on holdfast.request for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));

-- Tells whoever listens, when the transaction commits, that there may be something to take; the payload is the schedule that is fired early.
create function holdfast.announce_request() returns void
language sql volatile
as $$
  select pg_notify('holdfast', 'take-requests')
$$;

-- Where the server can invoke a function (the aws_lambda extension) and its owner has said which. At the commit, so that the function
-- finds the row; that it could not be invoked costs a minute at most, and is no reason to refuse the request.
create function holdfast.invoke_take_requests() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  function_arn text := (select value from holdfast.setting where name = 'take-requests-function');
begin
  if function_arn is null
    or current_setting('holdfast.invoked_in', true) = pg_current_xact_id()::text -- one call for all rows of a transaction
    or not exists (select from pg_extension where extname = 'aws_lambda')
  then
    return null;
  end if;
  perform set_config('holdfast.invoked_in', pg_current_xact_id()::text, true);
  begin
    execute 'select aws_lambda.invoke(function_name => $1, payload => $2::json, invocation_type => $3)'
      using function_arn, '{}', 'Event';
  exception
    when others then
      raise warning 'function ''%'' was not invoked: %', function_arn, sqlerrm using hint = 'the request is taken within a minute';
  end;
  return null;
end
$$;
create constraint trigger request_is_taken_at_once after insert on holdfast.request
  deferrable initially deferred
  for each row when (new.status = 'QUEUED' and not new.needs_approval)
  execute function holdfast.invoke_take_requests();

-- What follows without a search path of its own is called by functions that have set one, and costs next to nothing so.

-- The role that calls: what the session has set, or else what it logged in as. Within functions that run as their owner, which
-- all of ours do, current_user would be that owner. Neither can be forged: set role asks for membership.
create function holdfast.caller() returns name
language sql stable
as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

-- May the role ask for everything? Operators, the owner, superusers.
create function holdfast.is_system_wide(role_name name) returns boolean
language sql stable
as $$
  select pg_has_role(role_name, 'backup_operator', 'usage')
    or pg_has_role(role_name, (select relowner from pg_class where oid = 'holdfast.request'::regclass), 'usage')
$$;

-- As lib/core/ids.ts makes them.
create function holdfast.new_operation_id(at timestamptz) returns text
language sql volatile
as $$
  select to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z-"') || left(gen_random_uuid()::text, 8)
$$;

create function holdfast.iso_time(at timestamptz) returns text
language sql stable
as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- As lib/core/journal.ts makes them.
create function holdfast.journal_key(operation text, place text, event text, at timestamptz) returns text
language sql stable
as $$
  select format('journal/%s/%s-%s-%s.json', operation, place, event, to_char(at at time zone 'UTC', 'YYYYMMDD"T"HH24MISSMS"Z"'))
$$;

create function holdfast.hash_key(variadic parts text[]) returns bytea
language sql stable
as $$
  select sha256(convert_to(array_to_string(parts, e'\\x1f'), 'UTF8'))
$$;

-- What can be asked for nowhere but on a primary, in a transaction that may write.
create function holdfast.require_writable() returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_is_in_recovery() then
    raise exception 'this server is a standby, and takes no requests'
      using errcode = 'ZH009', hint = 'call the function on the primary';
  end if;
  if current_setting('transaction_read_only') = 'on' then
    raise exception 'this transaction is read-only, and a request is written down'
      using errcode = 'ZH009', hint = 'begin it with ''read write'', or look at default_transaction_read_only';
  end if;
end
$$;

-- The targets that the caller means, by name; at least one. A tenant gets its own ones only, and is told of others exactly what it
-- would be told of those that do not exist.
create function holdfast.targets_for(tenant bytea, target text) returns setof holdfast.target
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asker constant name := holdfast.caller();
  own constant bytea[] := case when holdfast.is_system_wide(asker) then null else holdfast.tenants_of(asker) end;
  known text;
begin
  if not exists (select from holdfast.target) then
    raise exception 'no configuration has been declared to this catalog'
      using errcode = 'ZH010', hint = 'it is, within a minute after a deployment or the start of a local stack: does it run?';
  end if;
  if own = '{}' then
    raise exception 'role ''%'' stands for no tenant', asker
      using errcode = 'ZH001', hint = 'the catalog''s owner maps it: insert into holdfast.tenant_role (role_name, tenant) values (…)';
  end if;
  if targets_for.tenant is not null and not exists (
    select from holdfast.target as t
    where t.tenant_hk = targets_for.tenant and (own is null or t.tenant_hk = any (own))
  ) then
    raise exception 'no target belongs to tenant ''\\x%''', encode(targets_for.tenant, 'hex')
      using errcode = 'ZH001', hint = 'a tenant''s key is sha256(convert_to(name, ''UTF8'')); leave it out for all that are yours';
  end if;
  select string_agg(quote_literal(t.target), ', ' order by t.target) into known
  from holdfast.target as t
  where (own is null or t.tenant_hk = any (own)) and (targets_for.tenant is null or t.tenant_hk = targets_for.tenant);
  if known is null then
    raise exception 'no target belongs to the tenant that role ''%'' stands for', asker
      using errcode = 'ZH001', hint = 'is the tenant''s name in holdfast.tenant_role that of the configuration?';
  end if;
  return query
    select t.* from holdfast.target as t
    where (own is null or t.tenant_hk = any (own))
      and (targets_for.tenant is null or t.tenant_hk = targets_for.tenant)
      and (targets_for.target is null or t.target = targets_for.target)
    order by t.target;
  if not found then
    raise exception 'no target is called ''%''', targets_for.target
      using errcode = 'ZH002', hint = format('there are: %s', known);
  end if;
end
$$;

-- Refuses what contradicts the configuration: a request never changes where or how backups are kept.
create function holdfast.require_configured(location text, storage_type text, compress boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  configured holdfast.installation;
begin
  select * into strict configured from holdfast.installation;
  if rtrim(require_configured.location, '/') <> rtrim(configured.storage_location, '/') then
    raise exception 'backups are kept at ''%'', not at ''%''', configured.storage_location, require_configured.location
      using errcode = 'ZH003', hint = 'leave location out; the store is a setting of the installation (store)';
  end if;
  if lower(require_configured.storage_type) <> configured.storage_type then
    raise exception 'the store is of type ''%'', not ''%''', configured.storage_type, require_configured.storage_type
      using errcode = 'ZH003', hint = 'leave storage_type out; the store is a setting of the installation (store.kind)';
  end if;
  if require_configured.compress <> (configured.compression <> 'none') then
    raise exception 'backups are %', case configured.compression when 'none' then 'not compressed' else format('compressed with %s', configured.compression) end
      using errcode = 'ZH003', hint = 'leave compress out; compression is a setting of the installation (compression.algorithm)';
  end if;
end
$$;

-- Is there a state machine of this kind? A request that nothing could run is refused, not queued.
create function holdfast.require_machine(machine text, hint text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from holdfast.installation where machine = any (machines)) then
    raise exception 'this installation has no ''%'' state machine', machine using errcode = 'ZH004', hint = hint;
  end if;
end
$$;

create function holdfast.note_call(action text, subject text, target text, tenant_hk bytea, detail jsonb) returns void
language sql volatile
as $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, detail
  )
  values (
    'sql/' || gen_random_uuid(), clock_timestamp(), action, subject, target, tenant_hk,
    'sql', holdfast.caller(), host(inet_client_addr()), detail
  )
$$;

-- Who asks, as events have it.
create function holdfast.requester() returns jsonb
language sql stable
as $$
  select jsonb_strip_nulls(jsonb_build_object('kind', 'sql', 'name', holdfast.caller(), 'address', host(inet_client_addr())))
$$;

create function holdfast.tenant_name(tenant_hk bytea) returns text
language sql stable
as $$
  select tenant from holdfast.tenant as known where known.tenant_hk = $1
$$;
`,
  },
  {
    version: 11,
    name: 'request_functions',
    sql: `-- The functions that operators and tenants call. They run as the catalog's owner and decide by holdfast.caller() whose request it is.
-- SQLSTATE class ZH is theirs; docs/catalog.md lists it.

create type backup_mgmt.requested_backup as (
  backup_bk text,
  backup_hk bytea,
  target text,
  engine text,
  method text,
  tier text,
  backup_status text,
  requested_at timestamptz,
  run_at timestamptz,
  note text
);

create type backup_mgmt.requested_recovery as (
  recovery_bk text,
  recovery_hk bytea,
  backup_bk text,
  target text,
  destination text,
  recovery_status text,
  point_reached timestamptz, -- the backup holds nothing that was committed later
  needs_approval boolean,
  note text
);

create type backup_mgmt.queued_request as (
  request_bk text,
  kind text,
  target text,
  backup_bk text,
  request_status text,
  note text
);

-- Queues one backup, or joins the one of the same kind that waits already.
--
-- Invariant: a request, its rows and its entry in the audit trail are committed together, or none is.
create function holdfast.request_backup(
  target holdfast.target, method text, tier text, verify boolean, run_at timestamptz
) returns backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  due_at constant timestamptz := coalesce(date_trunc('milliseconds', request_backup.run_at), asked_at);
  bk constant text := holdfast.new_operation_id(due_at);
  hk constant bytea := holdfast.hash_key(bk);
  execution constant text := request_backup.target.target || '-backup-' || bk;
  requested_by constant jsonb := holdfast.requester();
  scheduled constant text := holdfast.iso_time(request_backup.run_at);
  event_key constant text := holdfast.journal_key(bk, '010', 'backup-requested', asked_at);
  event constant jsonb := jsonb_build_object(
    'event', 'backup-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'tenant', holdfast.tenant_name(request_backup.target.tenant_hk),
    'target', request_backup.target.target, 'engine', request_backup.target.engine,
    'method', request_backup.method, 'tier', request_backup.tier, 'scheduledTime', scheduled,
    'requestedBy', requested_by, 'execution', execution, 'parent', null
  );
  joined text;
begin
  loop
    insert into holdfast.request (
      request_bk, kind, target, method, tier, is_verification_asked, tenant_hk, requested_by, requested_at, run_at,
      scheduled_time, machine, execution, input, events
    )
    values (
      bk, 'backup', request_backup.target.target, request_backup.method, request_backup.tier, request_backup.verify,
      request_backup.target.tenant_hk, holdfast.caller(), asked_at, due_at, request_backup.run_at, 'backup', execution,
      jsonb_strip_nulls(jsonb_build_object(
        'target', request_backup.target.target, 'method', request_backup.method, 'tier', request_backup.tier,
        'scheduledTime', scheduled, 'requestedBy', requested_by, 'backupId', bk, 'requestedAt', holdfast.iso_time(asked_at),
        'verify', nullif(request_backup.verify, false)
      )),
      array[event]
    )
    on conflict do nothing;
    exit when found;

    select waiting.request_bk into joined
    from holdfast.request as waiting
    where waiting.kind = 'backup' and waiting.status = 'QUEUED'
      and waiting.target = request_backup.target.target
      and waiting.method = request_backup.method
      and waiting.tier = request_backup.tier
      and waiting.is_verification_asked = request_backup.verify
      and waiting.scheduled_time is not distinct from request_backup.run_at;
    if found then
      perform holdfast.note_call(
        'backup-request-joined', joined, request_backup.target.target, request_backup.target.tenant_hk,
        jsonb_build_object('tier', request_backup.tier, 'method', request_backup.method)
      );
      return (
        joined, holdfast.hash_key(joined), request_backup.target.target, request_backup.target.engine, request_backup.method,
        request_backup.tier, 'REQUESTED', asked_at, due_at, 'joined a request that waits already'
      )::backup_mgmt.requested_backup;
    end if;
    -- It was taken between the two statements: the next round queues one of our own.
  end loop;

  insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, tenant_hk, load_date, record_source)
  values (hk, bk, request_backup.target.tenant_hk, date_trunc('second', due_at), format('journal/%s/', bk));
  insert into backup_mgmt.backup_execution_s (
    backup_hk, backup_bk, tenant_hk, target, engine, method, tier, backup_type, scheduled_time, requested_by_kind,
    requested_by_name, execution, backup_status, backup_start_time, verification_status, load_date, record_source
  )
  values (
    hk, bk, request_backup.target.tenant_hk, request_backup.target.target, request_backup.target.engine, request_backup.method,
    request_backup.tier,
    case request_backup.method when 'schema' then 'SCHEMA' else 'FULL' end, date_trunc('milliseconds', request_backup.run_at), 'sql', holdfast.caller(), execution, 'REQUESTED',
    asked_at, 'PENDING', asked_at, event_key
  );
  perform holdfast.note_event(event_key, event);
  return (
    bk, hk, request_backup.target.target, request_backup.target.engine, request_backup.method, request_backup.tier, 'REQUESTED',
    asked_at, due_at,
    case
      when request_backup.verify and not exists (select from holdfast.installation where 'restore-test' = any (machines))
        then 'read back and validated as every backup; this installation has no restore tests'
    end
  )::backup_mgmt.requested_backup;
end
$$;

-- Requests a backup of each target that is meant, in the order of their names: two callers then wait for each other in one direction.
create function holdfast.request_backups(
  tenant bytea, target text, method text, tier text, verify boolean, run_at timestamptz
) returns setof backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  each holdfast.target;
begin
  perform holdfast.require_writable();
  if request_backups.tier not in ('daily', 'weekly', 'monthly', 'compliance', 'manual') then
    raise exception 'there is no tier ''%''', request_backups.tier
      using errcode = 'ZH002', hint = 'daily, weekly, monthly, compliance or manual: how long the backup is kept';
  end if;
  for each in select * from holdfast.targets_for(request_backups.tenant, request_backups.target) loop
    if request_backups.method <> all (each.methods) then
      raise exception 'target ''%'' is not backed up by method ''%''', each.target, request_backups.method
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    return next holdfast.request_backup(
      each,
      coalesce(
        request_backups.method,
        -- Definitions alone are no full backup, whichever entry comes first.
        (
          select own.method
          from unnest(each.methods) with ordinality as own (method, place)
          where own.method <> 'schema'
          order by own.place
          limit 1
        ),
        each.methods[1]
      ),
      coalesce(request_backups.tier, 'manual'),
      coalesce(request_backups.verify, false),
      request_backups.run_at
    );
  end loop;
  if request_backups.run_at is null then
    perform holdfast.announce_request();
  end if;
end
$$;

create function backup_mgmt.create_full_backup(
  tenant bytea default null,
  location text default null,
  storage_type text default null,
  compress boolean default null,
  verify boolean default null,
  target text default null,
  tier text default null,
  method text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, storage_type, compress);
  return query select * from holdfast.request_backups(tenant, target, method, tier, verify, null);
end
$$;

create function backup_mgmt.create_incremental_backup(
  tenant bytea default null,
  base bytea default null,
  location text default null,
  target text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_target text := target;
  supported text;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, null, null);
  if base is not null then
    select s.target into asked_target
    from backup_mgmt.backup_execution_s as s
    join holdfast.targets_for(tenant, target) as own on own.target = s.target
    where s.backup_hk = base and s.load_end_date is null and s.backup_status = 'COMPLETED';
    if not found then
      raise exception 'no completed backup has the key ''\\x%''', encode(base, 'hex')
        using errcode = 'ZH006', hint = 'backup_hk of a row of backup_mgmt.backup_execution_s; leave it out for the newest';
    end if;
  end if;
  select string_agg(format('%s: %s', own.target, array_to_string(own.methods, ', ')), '; ' order by own.target) into supported
  from holdfast.targets_for(tenant, asked_target) as own
  where cardinality(own.incremental_methods) = 0;
  if supported is not null then
    raise exception 'incremental backups are not supported by the methods of these targets (%)', supported
      using errcode = 'ZH004', hint = 'a full backup can be had: select * from backup_mgmt.create_full_backup()';
  end if;
  return query
    select requested.*
    from holdfast.targets_for(tenant, asked_target) as own,
      holdfast.request_backups(tenant, own.target, own.incremental_methods[1], 'manual', false, null) as requested;
end
$$;

create function backup_mgmt.schedule_backup(
  tenant bytea default null,
  run_at timestamptz default now() + interval '1 hour',
  target text default null,
  tier text default null,
  method text default null,
  verify boolean default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
  if run_at is null or run_at < now() - interval '1 minute' then
    raise exception 'a backup is scheduled for a time that is yet to come'
      using errcode = 'ZH002', hint = 'at once: select * from backup_mgmt.create_full_backup()';
  end if;
  if run_at > now() + interval '366 days' then
    raise exception 'a backup is scheduled for a time within a year'
      using errcode = 'ZH002', hint = 'what is to recur belongs into the configuration (targets[].backups)';
  end if;
  return query select * from holdfast.request_backups(tenant, target, method, tier, verify, run_at);
end
$$;

-- Queues a request that has no row of its own in the tables: what comes of it is told by the events of what it starts.
create function holdfast.queue_request(
  kind text, machine text, target text, tenant_hk bytea, backup_bk text, input jsonb
) returns backup_mgmt.queued_request
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  execution constant text := format('%s-%s-%s', coalesce(target, 'all'), kind, bk);
begin
  insert into holdfast.request as queued (
    request_bk, kind, target, tenant_hk, requested_by, requested_at, run_at, machine, execution, input
  )
  values (bk, kind, target, tenant_hk, holdfast.caller(), asked_at, asked_at, machine, execution, input);
  perform holdfast.announce_request();
  perform holdfast.note_call(kind || '-requested', bk, target, tenant_hk, input || jsonb_build_object('execution', execution));
  return (bk, kind, target, backup_bk, 'QUEUED', null)::backup_mgmt.queued_request;
end
$$;

create function backup_mgmt.verify_backup_integrity(
  tenant bytea default null,
  backup bytea default null,
  target text default null
) returns setof backup_mgmt.queued_request
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  found_backup record;
  is_any boolean := false;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_machine('restore-test', 'every backup was read back and validated when it was made; ''holdfast validate <backup>'' does that again');
  for found_backup in
    select s.backup_bk, s.target, s.tenant_hk
    from holdfast.targets_for(tenant, target) as own
    cross join lateral (
      select * from backup_mgmt.backup_execution_s as completed
      where completed.target = own.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
        and (backup is null or completed.backup_hk = backup)
      order by completed.backup_end_time desc
      limit 1
    ) as s
    order by s.target
  loop
    is_any := true;
    return next holdfast.queue_request(
      'verification', 'restore-test', found_backup.target, found_backup.tenant_hk, found_backup.backup_bk,
      jsonb_build_object('backup', found_backup.backup_bk)
    );
  end loop;
  if not is_any then
    raise exception 'there is no completed backup to verify'
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.create_full_backup() makes one';
  end if;
end
$$;

create function backup_mgmt.cleanup_expired_backups(
  tenant bytea default null,
  target text default null,
  dry_run boolean default false
) returns setof backup_mgmt.queued_request
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  each holdfast.target;
  is_dry constant jsonb := case when dry_run then '{"dryRun": true}' else '{}' end;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_machine('cleanup', 'the bucket''s lifecycle rules remove what has expired');
  if tenant is null and target is null and holdfast.is_system_wide(holdfast.caller()) then
    return next holdfast.queue_request('cleanup', 'cleanup', null, null, null, is_dry);
    return;
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    return next holdfast.queue_request(
      'cleanup', 'cleanup', each.target, each.tenant_hk, null, is_dry || jsonb_build_object('target', each.target)
    );
  end loop;
end
$$;
`,
  },
  {
    version: 12,
    name: 'recovery_functions',
    sql: `-- Recoveries by SQL. A recovery reaches the point that was asked for, or is refused with the point that could be reached.

create function holdfast.request_recovery(
  source backup_mgmt.backup_execution_s, target_time timestamptz, approval_required boolean,
  into_target text, database text, restore_as text
) returns backup_mgmt.requested_recovery
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  hk constant bytea := holdfast.hash_key(bk);
  receiver constant text := coalesce(into_target, source.target);
  execution constant text := receiver || '-restore-' || bk;
  destination constant text := receiver || coalesce('/' || restore_as, '');
  requested_by constant jsonb := holdfast.requester();
  event_key constant text := holdfast.journal_key(bk, '010', 'recovery-requested', asked_at);
  event constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'backupId', source.backup_bk, 'target', source.target, 'destination', destination, 'requestedBy', requested_by,
    'execution', execution, 'targetTime', holdfast.iso_time(target_time)
  )) || jsonb_build_object('tenant', holdfast.tenant_name(source.tenant_hk));
begin
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    bk, 'recovery', receiver, source.method, source.tenant_hk, holdfast.caller(), asked_at, asked_at, approval_required, 'restore',
    execution,
    jsonb_strip_nulls(jsonb_build_object(
      'backup', source.backup_bk, 'target', source.target, 'into', into_target, 'databases', case when database is not null then jsonb_build_array(database) end,
      'as', restore_as, 'requestedBy', requested_by, 'recoveryId', bk, 'requestedAt', holdfast.iso_time(asked_at),
      'targetTime', holdfast.iso_time(target_time)
    )),
    array[event]
  );
  insert into backup_mgmt.recovery_operation_h (recovery_hk, recovery_bk, tenant_hk, load_date, record_source)
  values (hk, bk, source.tenant_hk, date_trunc('second', asked_at), format('journal/%s/', bk));
  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, destination, recovery_type, recovery_target_time, requested_by_kind,
    requested_by_name, execution, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  values (
    hk, bk, source.tenant_hk, source.target, destination, 'FULL', date_trunc('milliseconds', target_time), 'sql', holdfast.caller(),
    execution, 'REQUESTED', asked_at, false, asked_at, event_key
  );
  insert into backup_mgmt.recovery_operation_execution_l (recovery_execution_hk, recovery_hk, backup_hk, load_date, record_source)
  values (holdfast.hash_key(bk, source.backup_bk), hk, source.backup_hk, date_trunc('second', asked_at), event_key);
  perform holdfast.note_event(event_key, event);
  if not approval_required then
    perform holdfast.announce_request();
  end if;
  return (
    bk, hk, source.backup_bk, source.target, destination, 'REQUESTED', source.backup_end_time, approval_required,
    case when approval_required then format('call backup_mgmt.approve_recovery(%L), by somebody else than %I', bk, holdfast.caller()) end
  )::backup_mgmt.requested_recovery;
end
$$;

create function backup_mgmt.initiate_point_in_time_recovery(
  tenant bytea default null,
  target_time timestamptz default null,
  recovery_type text default 'POINT_IN_TIME',
  approval_required boolean default true,
  target text default null,
  into_target text default null,
  database text default null,
  restore_as text default null
) returns setof backup_mgmt.requested_recovery
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_point constant timestamptz := coalesce(target_time, now());
  shown_point constant text := holdfast.iso_time(asked_point);
  each holdfast.target;
  source backup_mgmt.backup_execution_s;
begin
  perform holdfast.require_writable();
  perform holdfast.targets_for(tenant, target);
  if into_target is not null then
    perform holdfast.targets_for(tenant, into_target);
  end if;
  if recovery_type is null or upper(recovery_type) not in ('POINT_IN_TIME', 'FULL') then
    raise exception 'there is no recovery type ''%''', recovery_type
      using errcode = 'ZH002', hint = 'POINT_IN_TIME reaches the very point, FULL the newest backup that ended before it';
  end if;
  if asked_point > now() + interval '1 minute' then
    raise exception 'the point asked for, %, is yet to come', shown_point
      using errcode = 'ZH005', hint = 'leave target_time out for the newest point';
  end if;
  if restore_as is not null and database is null then
    raise exception 'restore_as names one restored database'
      using errcode = 'ZH002', hint = 'say which one: database => ''…''';
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    -- By its end: what the backup holds was then committed, whatever its databases' snapshots were.
    select * into source
    from backup_mgmt.backup_execution_s as completed
    where completed.target = each.target
      and completed.load_end_date is null
      and completed.backup_status = 'COMPLETED'
      and completed.verification_status <> 'FAILED'
      and completed.backup_end_time <= asked_point
    order by completed.backup_end_time desc
    limit 1;
    if not found then
      raise exception 'no completed backup of ''%'' ended by %', each.target, shown_point
        using errcode = 'ZH005', hint = coalesce(
          (
            select format('the earliest point that can be reached is %s', holdfast.iso_time(min(completed.backup_end_time)))
            from backup_mgmt.backup_execution_s as completed
            where completed.target = each.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
            having count(*) > 0
          ),
          'it has no completed backup at all'
        );
    end if;
    if upper(recovery_type) = 'POINT_IN_TIME' then
      raise exception 'point % of target ''%'' cannot be reached: its methods (%) keep no log between backups',
          shown_point, each.target, array_to_string(each.methods, ', ')
        using errcode = 'ZH004', hint = format(
          'the point before it that can be reached is %s, backup %s: recovery_type => ''FULL'' restores that one',
          holdfast.iso_time(source.backup_end_time), source.backup_bk
        );
    end if;
    return next holdfast.request_recovery(source, target_time, coalesce(approval_required, true), into_target, database, restore_as);
  end loop;
end
$$;

-- Lets a recovery that waits for approval run. The approval is an event of the recovery, journaled with its request.
create procedure backup_mgmt.approve_recovery(recovery text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked holdfast.request;
  approved_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  event jsonb;
begin
  perform holdfast.require_writable();
  if not holdfast.is_system_wide(holdfast.caller()) then
    raise exception 'role ''%'' may not approve recoveries', holdfast.caller()
      using errcode = 'insufficient_privilege', hint = 'a backup_operator may';
  end if;
  select * into asked from holdfast.request where request_bk = approve_recovery.recovery and kind = 'recovery' for update;
  if not found then
    raise exception 'no recovery ''%'' was requested here', approve_recovery.recovery
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.requests where request_status = ''WAITING_FOR_APPROVAL''';
  end if;
  if not asked.needs_approval or asked.approved_by is not null then
    raise exception 'recovery ''%'' waits for no approval', asked.request_bk
      using errcode = 'ZH008', hint = format('its request is %s', asked.status);
  end if;
  -- By the login too: whoever may set several roles is still one person.
  if holdfast.caller() = asked.requested_by or session_user = asked.requested_by or session_user = asked.requested_login then
    raise exception 'recovery ''%'' was requested by ''%'', and is approved by somebody else', asked.request_bk, asked.requested_by
      using errcode = 'ZH008', hint = 'two people: that is what the approval is for';
  end if;
  event := jsonb_build_object(
    'event', 'recovery-approved', 'operation', asked.request_bk, 'at', holdfast.iso_time(approved_at),
    'tenant', holdfast.tenant_name(asked.tenant_hk), 'approvedBy', holdfast.requester()
  );
  perform holdfast.note_event(holdfast.journal_key(asked.request_bk, '015', 'recovery-approved', approved_at), event);
  update holdfast.request
  set approved_by = holdfast.caller(), events = events || event
  where request_bk = asked.request_bk;
  perform holdfast.announce_request();
end
$$;

-- Waits until a backup has ended. Looks again each second, with a new snapshot each time unless the caller's transaction forbids it.
create procedure backup_mgmt.await_backup(bk text, timeout interval default interval '2 hours', inout backup_status text default null)
language plpgsql
as $$
#variable_conflict use_column
declare
  give_up_at constant timestamptz := clock_timestamp() + await_backup.timeout;
  state backup_mgmt.backup_execution_s;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a transaction of isolation level ''%'' would never see the end', current_setting('transaction_isolation')
      using errcode = 'ZH008', hint = 'wait in a transaction that is read committed';
  end if;
  loop
    select * into state
    from backup_mgmt.backup_execution_s as s
    where s.backup_hk = sha256(convert_to(await_backup.bk, 'UTF8')) and s.load_end_date is null;
    if not found then
      raise exception 'there is no backup ''%''', await_backup.bk
        using errcode = 'ZH006', hint = 'backup_bk, as create_full_backup() returns it';
    end if;
    if state.backup_status = 'REQUESTED' and exists (
      select from backup_mgmt.backup_execution_s as s
      where s.backup_hk = state.backup_hk and s.load_end_date is null
        and s.xmin::text = pg_current_xact_id_if_assigned()::xid::text
    ) then
      raise exception 'the request for ''%'' is not committed, and so nobody can take it', await_backup.bk
        using errcode = 'ZH008', hint = 'commit, then wait';
    end if;
    if state.backup_status is distinct from backup_status and backup_status is not null then
      raise notice 'backup % is %', await_backup.bk, state.backup_status;
    end if;
    backup_status := state.backup_status;
    exit when state.backup_status in ('COMPLETED', 'EXPIRED', 'DELETED');
    if state.backup_status = 'FAILED' then
      raise exception 'backup ''%'' failed: [%] %', await_backup.bk, state.error_code, state.error_message
        using errcode = 'ZH007', hint = coalesce(state.error_hint, '');
    end if;
    if clock_timestamp() >= give_up_at then
      raise exception 'backup ''%'' is still % after %', await_backup.bk, state.backup_status, await_backup.timeout
        using errcode = 'ZH011', hint = 'it goes on: wait again, or look at backup_mgmt.requests';
    end if;
    perform pg_sleep(least(1, greatest(0, extract(epoch from give_up_at - clock_timestamp()))));
  end loop;
end
$$;
`,
  },
  {
    version: 13,
    name: 'schedule_times',
    sql: `-- When schedules are due. The same cron patterns as the configuration accepts, in the schedule's time zone: a local time that clocks leap
-- over is left out, and one that comes twice counts the first time only, as EventBridge Scheduler has it.

-- The numbers that a field of a cron pattern stands for, or null when it is no list of numbers, ranges, steps and names.
create function holdfast.cron_numbers(field text, first_number integer, last_number integer, names text[] default '{}') returns integer[]
language plpgsql immutable
as $$
declare
  text_field text := upper(field);
  part text;
  parts text[];
  numbers integer[] := '{}';
begin
  if field = '*' then
    return array(select generate_series(first_number, last_number));
  elsif field ~ '^\\d{1,2}$' then
    return array[field::integer];
  end if;
  for i in 1 .. coalesce(array_length(names, 1), 0) loop
    text_field := replace(text_field, names[i], (first_number + i - 1)::text);
  end loop;
  foreach part in array string_to_array(text_field, ',') loop
    parts := regexp_match(part, '^(\\*|\\d{1,2})(?:-(\\d{1,2}))?(?:/(\\d{1,2}))?$');
    if parts is null or (parts[1] = '*' and parts[2] is not null) or parts[3]::integer = 0 then
      return null;
    end if;
    numbers := numbers || array(
      select generate_series(
        case parts[1] when '*' then first_number else parts[1]::integer end,
        coalesce(parts[2]::integer, case when parts[1] = '*' or parts[3] is not null then last_number else parts[1]::integer end),
        coalesce(parts[3]::integer, 1)
      )
    );
  end loop;
  return numbers;
end
$$;

-- The times in (after, until] at which the pattern is due, in order. Null as the only row when the pattern is not understood here.
create function holdfast.cron_times(pattern text, timezone text, after timestamptz, until timestamptz) returns setof timestamptz
language plpgsql stable
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(pattern), '\\s+');
  minutes constant integer[] := holdfast.cron_numbers(fields[1], 0, 59);
  hours constant integer[] := holdfast.cron_numbers(fields[2], 0, 23);
  months constant integer[] := holdfast.cron_numbers(fields[4], 1, 12,
    array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']);
  nth constant text[] := regexp_match(fields[5], '^([0-7])#([1-5])$');
  last_weekday constant text[] := regexp_match(upper(fields[5]), '^([0-7])L$');
  is_last_day constant boolean := upper(fields[3]) = 'L';
  days constant integer[] := case when is_last_day then '{}' else holdfast.cron_numbers(fields[3], 1, 31) end;
  weekdays constant integer[] := case
    when nth is not null then array[nth[1]::integer]
    when last_weekday is not null then array[last_weekday[1]::integer]
    else holdfast.cron_numbers(fields[5], 0, 7, array['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'])
  end;
begin
  if array_length(fields, 1) <> 5 or minutes is null or hours is null or months is null or days is null or weekdays is null then
    return next null;
    return;
  end if;
  return query
    select due.at
    from generate_series(
      ((after at time zone cron_times.timezone)::date - 1)::timestamp,
      (until at time zone cron_times.timezone)::date::timestamp,
      interval '1 day'
    ) as day
    cross join unnest(hours) as hour
    cross join unnest(minutes) as minute
    cross join lateral (select day + make_interval(hours => hour, mins => minute) as local_time) as wanted
    cross join lateral (select wanted.local_time at time zone cron_times.timezone as at) as read
    -- PostgreSQL reads a local time that comes twice as the second one; the first is as much earlier as clocks go back.
    cross join lateral (
      select min(read.at - shift) as at
      from unnest(array['0', '30 minutes', '1 hour', '2 hours']::interval[]) as shift
      where (read.at - shift) at time zone cron_times.timezone = wanted.local_time
    ) as due
    where extract(month from day)::integer = any (months)
      and (extract(day from day)::integer = any (days) or (is_last_day and extract(month from day + interval '1 day') <> extract(month from day)))
      and (extract(dow from day)::integer = any (weekdays) or (7 = any (weekdays) and extract(dow from day) = 0))
      and (nth is null or (extract(day from day)::integer - 1) / 7 + 1 = nth[2]::integer)
      and (last_weekday is null or extract(month from day + interval '7 days') <> extract(month from day))
      and due.at > cron_times.after
      and due.at <= cron_times.until
    group by due.at
    order by due.at;
end
$$;

-- The backups that are due within the next hours, in order: of schedules, and those that schedule_backup() was asked for. next_run is
-- null where a pattern is not understood here. A tenant sees its own.
create function backup_mgmt.get_next_scheduled_backups(hours integer default 24)
returns table (
  next_run timestamptz,
  schedule_bk text,
  backup_bk text,
  target text,
  engine text,
  method text,
  tier text,
  cron_expression text,
  timezone text,
  tenant_hk bytea
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  until constant timestamptz := now() + make_interval(hours => least(greatest(get_next_scheduled_backups.hours, 1), 8784));
  asker constant name := holdfast.caller();
  own constant bytea[] := case
    when holdfast.is_system_wide(asker) or pg_has_role(asker, 'holdfast_reader', 'usage') then null
    else holdfast.tenants_of(asker)
  end;
begin
  if hours is null or hours not between 1 and 8784 then
    raise exception 'hours is %, and not between 1 and 8784', coalesce(hours::text, 'null')
      using errcode = 'ZH002', hint = 'a day is 24, a year 8784';
  end if;
  return query
    with pattern as materialized (
      select distinct cron_expression, timezone
      from backup_mgmt.backup_schedule_s
      where load_end_date is null and is_enabled and (own is null or tenant_hk = any (own))
    ),
    due as materialized (
      select pattern.cron_expression, pattern.timezone, times.at
      from pattern
      cross join lateral holdfast.cron_times(pattern.cron_expression, pattern.timezone, now(), until) as times (at)
    )
    select due.at, s.schedule_bk, null, s.target, s.engine, s.method, s.tier, s.cron_expression, s.timezone, s.tenant_hk
    from due
    join backup_mgmt.backup_schedule_s as s using (cron_expression, timezone)
    where s.load_end_date is null and s.is_enabled and (own is null or s.tenant_hk = any (own))
    union all
    select s.scheduled_time, null, s.backup_bk, s.target, s.engine, s.method, s.tier, null, null, s.tenant_hk
    from backup_mgmt.backup_execution_s as s
    where s.load_end_date is null and s.backup_status = 'REQUESTED'
      and s.scheduled_time > now()
      and s.scheduled_time <= until
      and (own is null or s.tenant_hk = any (own))
    order by 1 nulls last, 4, 7;
end
$$;
`,
  },
  {
    version: 14,
    name: 'views',
    sql: `-- Operators' usual questions, and the queue and the audit trail, as views. Read by everybody who may read the tables beneath; where the server
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
  -- How long it has been due and nobody has taken it. Minutes mean that nobody looks: does \`take-requests\` run?
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
`,
  },
  {
    version: 15,
    name: 'validation_tenants',
    sql: `-- Validations are their tenant's too, as backups and recoveries are. The views of measured times are the operators'.
alter table backup_mgmt.validation_results enable row level security;
create policy system_wide on backup_mgmt.validation_results
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on backup_mgmt.validation_results for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));
grant select on backup_mgmt.validation_results to backup_tenant;
`,
  },
  {
    version: 16,
    name: 'schema_backups',
    sql: `-- Backups of the definitions alone are a type of their own, so that no count of full backups takes them in.

alter table backup_mgmt.backup_execution_s
  drop constraint backup_execution_s_type_known,
  add constraint backup_execution_s_type_known check (backup_type in ('FULL', 'INCREMENTAL', 'SCHEMA'));
`,
  },
  {
    version: 17,
    name: 'schedule_changes',
    sql: `-- Schedules can be changed by hand, without a deployment. Every such change is an event, and so a row of its own.
alter table backup_mgmt.backup_schedule_s
  add column changed_by_kind text null, -- who changed it last by hand, be it back to what is configured; null: nobody has
  add column changed_by_name text null;

create index applied_event_schedule_changes on holdfast.applied_event (event_name) where event_name = 'schedule-changed';
`,
  },
  {
    version: 18,
    name: 'approval_timeout',
    sql: `-- A recovery that waits for an approval too long is given up by whoever takes requests (\`expire-approvals\`): its request is FAILED then, and an
-- approval that comes later is told so.
create or replace procedure backup_mgmt.approve_recovery(recovery text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked holdfast.request;
  approved_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  event jsonb;
begin
  perform holdfast.require_writable();
  if not holdfast.is_system_wide(holdfast.caller()) then
    raise exception 'role ''%'' may not approve recoveries', holdfast.caller()
      using errcode = 'insufficient_privilege', hint = 'a backup_operator may';
  end if;
  select * into asked from holdfast.request where request_bk = approve_recovery.recovery and kind = 'recovery' for update;
  if not found then
    raise exception 'no recovery ''%'' was requested here', approve_recovery.recovery
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.requests where request_status = ''WAITING_FOR_APPROVAL''';
  end if;
  if asked.error_code = 'approval-expired' then
    raise exception 'recovery ''%'' waits no more: %', asked.request_bk, asked.error_message
      using errcode = 'ZH008', hint = asked.error_hint;
  end if;
  if not asked.needs_approval or asked.approved_by is not null or asked.status <> 'QUEUED' then
    raise exception 'recovery ''%'' waits for no approval', asked.request_bk
      using errcode = 'ZH008', hint = format('its request is %s', asked.status);
  end if;
  -- By the login too: whoever may set several roles is still one person.
  if holdfast.caller() = asked.requested_by or session_user = asked.requested_by or session_user = asked.requested_login then
    raise exception 'recovery ''%'' was requested by ''%'', and is approved by somebody else', asked.request_bk, asked.requested_by
      using errcode = 'ZH008', hint = 'two people: that is what the approval is for';
  end if;
  event := jsonb_build_object(
    'event', 'recovery-approved', 'operation', asked.request_bk, 'at', holdfast.iso_time(approved_at),
    'tenant', holdfast.tenant_name(asked.tenant_hk), 'approvedBy', holdfast.requester()
  );
  perform holdfast.note_event(holdfast.journal_key(asked.request_bk, '015', 'recovery-approved', approved_at), event);
  update holdfast.request
  set approved_by = holdfast.caller(), events = events || event
  where request_bk = asked.request_bk;
  perform holdfast.announce_request();
end
$$;
`,
  },
  {
    version: 19,
    name: 'point_in_time',
    sql: `-- Points in time: a backup of a whole cluster and the log after it lead to any of them. Whether the log does is seen before anything is fetched, by
-- the run itself, which ends with what is missing and the last point that can be reached.

-- The newest moment that a restore test has brought back of a backup, by the log that goes on from it.
alter table backup_mgmt.backup_execution_s add column verified_point timestamptz null;
create index backup_execution_s_verified_point on backup_mgmt.backup_execution_s (target, verified_point)
  where load_end_date is null and verified_point is not null;

-- Where a recovery ended: the time of the last transaction that it holds, its position, and the timeline that goes on from there.
alter table backup_mgmt.recovery_operation_s
  add column reached_time timestamptz null,
  add column reached_lsn text null,
  add column reached_timeline bigint null;

drop function holdfast.request_recovery(backup_mgmt.backup_execution_s, timestamptz, boolean, text, text, text);
create function holdfast.request_recovery(
  source backup_mgmt.backup_execution_s, target_time timestamptz, point jsonb, approval_required boolean,
  into_target text, database text, restore_as text
) returns backup_mgmt.requested_recovery
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  hk constant bytea := holdfast.hash_key(bk);
  receiver constant text := coalesce(into_target, source.target);
  execution constant text := receiver || '-restore-' || bk;
  destination constant text := receiver || coalesce('/' || restore_as, '');
  requested_by constant jsonb := holdfast.requester();
  event_key constant text := holdfast.journal_key(bk, '010', 'recovery-requested', asked_at);
  event constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'backupId', source.backup_bk, 'target', source.target, 'destination', destination, 'requestedBy', requested_by,
    'execution', execution, 'targetTime', holdfast.iso_time(target_time), 'point', point
  )) || jsonb_build_object('tenant', holdfast.tenant_name(source.tenant_hk));
begin
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    bk, 'recovery', receiver, source.method, source.tenant_hk, holdfast.caller(), asked_at, asked_at, approval_required, 'restore',
    execution,
    jsonb_strip_nulls(jsonb_build_object(
      'backup', source.backup_bk, 'target', source.target, 'into', into_target, 'databases', case when database is not null then jsonb_build_array(database) end,
      'as', restore_as, 'requestedBy', requested_by, 'recoveryId', bk, 'requestedAt', holdfast.iso_time(asked_at),
      'targetTime', holdfast.iso_time(target_time), 'point', point
    )),
    array[event]
  );
  insert into backup_mgmt.recovery_operation_h (recovery_hk, recovery_bk, tenant_hk, load_date, record_source)
  values (hk, bk, source.tenant_hk, date_trunc('second', asked_at), format('journal/%s/', bk));
  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, destination, recovery_type, recovery_target_time, requested_by_kind,
    requested_by_name, execution, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  values (
    hk, bk, source.tenant_hk, source.target, destination, case when point is null then 'FULL' else 'POINT_IN_TIME' end, date_trunc('milliseconds', target_time), 'sql', holdfast.caller(),
    execution, 'REQUESTED', asked_at, false, asked_at, event_key
  );
  insert into backup_mgmt.recovery_operation_execution_l (recovery_execution_hk, recovery_hk, backup_hk, load_date, record_source)
  values (holdfast.hash_key(bk, source.backup_bk), hk, source.backup_hk, date_trunc('second', asked_at), event_key);
  perform holdfast.note_event(event_key, event);
  if not approval_required then
    perform holdfast.announce_request();
  end if;
  return (
    bk, hk, source.backup_bk, source.target, destination, 'REQUESTED', source.backup_end_time, approval_required,
    case when approval_required then format('call backup_mgmt.approve_recovery(%L), by somebody else than %I', bk, holdfast.caller()) end
  )::backup_mgmt.requested_recovery;
end
$$;

-- With the microseconds that a server counts.
create function holdfast.iso_time_exactly(at timestamptz) returns text
language sql stable
as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Says why no backup of the target leads to the point, and which point can be reached.
create function holdfast.refuse_point(asked holdfast.target, asked_point timestamptz, is_point_in_time boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  shown_point constant text := holdfast.iso_time(asked_point);
  usable backup_mgmt.backup_execution_s;
begin
  select * into usable
  from backup_mgmt.backup_execution_s as completed
  where completed.target = asked.target
    and completed.load_end_date is null
    and completed.backup_status = 'COMPLETED'
    and completed.verification_status <> 'FAILED'
    and completed.method is distinct from 'schema'
    and completed.backup_end_time <= asked_point
  order by completed.backup_end_time desc
  limit 1;
  if is_point_in_time and found then
    raise exception 'point % of target ''%'' cannot be reached: it has no backup of its whole cluster (method ''base'') that ended before', shown_point, asked.target
      using errcode = 'ZH004', hint = format(
        'the point before it that can be reached is %s, backup %s: recovery_type => ''FULL'' restores that one',
        holdfast.iso_time(usable.backup_end_time), usable.backup_bk
      );
  end if;
  raise exception 'no completed backup of ''%'' ended by %', asked.target, shown_point
    using errcode = 'ZH005', hint = coalesce(
      (
        select format('the earliest point that can be reached is %s', holdfast.iso_time(min(completed.backup_end_time)))
        from backup_mgmt.backup_execution_s as completed
        where completed.target = asked.target and completed.load_end_date is null and completed.backup_status = 'COMPLETED'
        having count(*) > 0
      ),
      'it has no completed backup at all'
    );
end
$$;

create or replace function backup_mgmt.initiate_point_in_time_recovery(
  tenant bytea default null,
  target_time timestamptz default null,
  recovery_type text default 'POINT_IN_TIME',
  approval_required boolean default true,
  target text default null,
  into_target text default null,
  database text default null,
  restore_as text default null
) returns setof backup_mgmt.requested_recovery
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_point constant timestamptz := coalesce(target_time, now());
  shown_point constant text := holdfast.iso_time(asked_point);
  is_point_in_time constant boolean := upper(recovery_type) = 'POINT_IN_TIME';
  each holdfast.target;
  source backup_mgmt.backup_execution_s;
begin
  perform holdfast.require_writable();
  perform holdfast.targets_for(tenant, target);
  if into_target is not null then
    perform holdfast.targets_for(tenant, into_target);
  end if;
  if recovery_type is null or upper(recovery_type) not in ('POINT_IN_TIME', 'FULL') then
    raise exception 'there is no recovery type ''%''', recovery_type
      using errcode = 'ZH002', hint = 'POINT_IN_TIME reaches the very point, FULL the newest backup that ended before it';
  end if;
  if asked_point > now() + interval '1 minute' then
    raise exception 'the point asked for, %, is yet to come', shown_point
      using errcode = 'ZH005', hint = 'leave target_time out for the newest point';
  end if;
  if restore_as is not null and database is null and not (is_point_in_time and restore_as like '/%') then
    raise exception 'restore_as names one restored database'
      using errcode = 'ZH002', hint = 'say which one: database => ''…''; a whole cluster goes into a folder, restore_as => ''/…''';
  end if;
  for each in select * from holdfast.targets_for(tenant, target) loop
    -- By its end: what the backup holds was then committed, whatever its databases' snapshots were. A log goes on from backups of whole clusters.
    select * into source
    from backup_mgmt.backup_execution_s as completed
    where completed.target = each.target
      and completed.load_end_date is null
      and completed.backup_status = 'COMPLETED'
      and completed.verification_status <> 'FAILED'
      and completed.method is distinct from 'schema'
      and (not is_point_in_time or completed.engine = 'postgres' and completed.method in ('base', 'incremental', 'differential'))
      and completed.backup_end_time <= asked_point
    order by completed.backup_end_time desc
    limit 1;
    if not found then
      perform holdfast.refuse_point(each, asked_point, is_point_in_time);
    end if;
    return next holdfast.request_recovery(
      source, target_time,
      case
        when not is_point_in_time then null
        when target_time is null then jsonb_build_object('kind', 'latest')
        else jsonb_build_object('kind', 'time', 'value', holdfast.iso_time_exactly(target_time))
      end,
      coalesce(approval_required, true), into_target, database, restore_as
    );
  end loop;
end
$$;
`,
  },
  {
    version: 20,
    name: 'approvals_by_api',
    sql: `-- Recoveries that somebody asks for, or approves, through the API: the same queue, the same second person, the same time-out.
grant update (approved_by, events) on holdfast.request to holdfast_writer;
`,
  },
  {
    version: 21,
    name: 'recovery_machine',
    sql: `-- Recoveries run in a state machine of their own, \`recovery\`, which asks for the approval itself: its execution is started at once, and waits with a
-- task token until a second person has decided. What older versions queued for \`restore\` waits here until it is approved, as before.

alter table holdfast.request add column refused_by text null;
alter table holdfast.request
  -- May it be handed out? What \`recovery\` runs is asked for there.
  add column is_startable boolean not null generated always as (
    not needs_approval or approved_by is not null or machine = 'recovery'
  ) stored,
  -- Does somebody still have to decide?
  add column is_undecided boolean not null generated always as (
    needs_approval and approved_by is null and refused_by is null and status in ('QUEUED', 'TAKEN', 'STARTED')
  ) stored;

-- Whom an execution waits for. A token is worth nothing once it is answered or its execution is gone; so it is in no event, in no table that people
-- read, and goes when the answer is passed on. A catalog that is made anew has none: what waited then is given up when its time is over.
create table holdfast.approval_wait (
  request_bk text not null,
  task_token text not null,
  waits_since timestamptz not null,
  waits_until timestamptz not null,
  constraint approval_wait_pk primary key (request_bk),
  constraint approval_wait_of_request foreign key (request_bk) references holdfast.request (request_bk) on delete cascade
);
revoke all on holdfast.approval_wait from public, holdfast_reader;
grant select, insert, update, delete on holdfast.approval_wait to holdfast_writer;
alter table holdfast.approval_wait enable row level security;
create policy system_wide on holdfast.approval_wait to holdfast_writer using (true) with check (true);

-- A target may demand an approval that nobody has asked for: the execution says so when it waits.
grant update (needs_approval, refused_by) on holdfast.request to holdfast_writer;

drop trigger request_is_taken_at_once on holdfast.request;
create constraint trigger request_is_taken_at_once after insert on holdfast.request
  deferrable initially deferred
  for each row when (new.status = 'QUEUED' and new.is_startable)
  execute function holdfast.invoke_take_requests();
create constraint trigger decision_is_passed_on_at_once after update on holdfast.request
  deferrable initially deferred
  for each row when (
    new.approved_by is distinct from old.approved_by or new.refused_by is distinct from old.refused_by
  )
  execute function holdfast.invoke_take_requests();

create or replace function holdfast.request_recovery(
  source backup_mgmt.backup_execution_s, target_time timestamptz, point jsonb, approval_required boolean,
  into_target text, database text, restore_as text
) returns backup_mgmt.requested_recovery
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  bk constant text := holdfast.new_operation_id(asked_at);
  hk constant bytea := holdfast.hash_key(bk);
  receiver constant text := coalesce(into_target, source.target);
  execution constant text := receiver || '-recovery-' || bk;
  destination constant text := receiver || coalesce('/' || restore_as, '');
  requested_by constant jsonb := holdfast.requester();
  event_key constant text := holdfast.journal_key(bk, '010', 'recovery-requested', asked_at);
  event constant jsonb := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'backupId', source.backup_bk, 'target', source.target, 'destination', destination, 'requestedBy', requested_by,
    'execution', execution, 'targetTime', holdfast.iso_time(target_time), 'point', point
  )) || jsonb_build_object('tenant', holdfast.tenant_name(source.tenant_hk));
begin
  perform holdfast.require_machine('recovery', 'it is declared within a minute after a deployment: does ''take-requests'' run?');
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    bk, 'recovery', receiver, source.method, source.tenant_hk, holdfast.caller(), asked_at, asked_at, approval_required, 'recovery',
    execution,
    jsonb_strip_nulls(jsonb_build_object(
      'backup', source.backup_bk, 'target', source.target, 'into', into_target, 'databases', case when database is not null then jsonb_build_array(database) end,
      'as', restore_as, 'requestedBy', requested_by, 'recoveryId', bk, 'requestedAt', holdfast.iso_time(asked_at),
      'targetTime', holdfast.iso_time(target_time), 'point', point, 'needsApproval', approval_required
    )),
    array[event]
  );
  insert into backup_mgmt.recovery_operation_h (recovery_hk, recovery_bk, tenant_hk, load_date, record_source)
  values (hk, bk, source.tenant_hk, date_trunc('second', asked_at), format('journal/%s/', bk));
  insert into backup_mgmt.recovery_operation_s (
    recovery_hk, recovery_bk, tenant_hk, target, destination, recovery_type, recovery_target_time, requested_by_kind,
    requested_by_name, execution, recovery_status, recovery_start_time, is_compared, load_date, record_source
  )
  values (
    hk, bk, source.tenant_hk, source.target, destination, case when point is null then 'FULL' else 'POINT_IN_TIME' end, date_trunc('milliseconds', target_time), 'sql', holdfast.caller(),
    execution, 'REQUESTED', asked_at, false, asked_at, event_key
  );
  insert into backup_mgmt.recovery_operation_execution_l (recovery_execution_hk, recovery_hk, backup_hk, load_date, record_source)
  values (holdfast.hash_key(bk, source.backup_bk), hk, source.backup_hk, date_trunc('second', asked_at), event_key);
  perform holdfast.note_event(event_key, event);
  perform holdfast.announce_request();
  return (
    bk, hk, source.backup_bk, source.target, destination, 'REQUESTED', source.backup_end_time, approval_required,
    case when approval_required then format('call backup_mgmt.approve_recovery(%L), by somebody else than %I', bk, holdfast.caller()) end
  )::backup_mgmt.requested_recovery;
end
$$;

-- A second person's word on a recovery that waits for it, as an event of the recovery; or why it is not taken.
create function holdfast.decide_recovery(recovery text, decision text, reason text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  asked holdfast.request;
  decided_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  is_approval constant boolean := decision = 'approved';
  ending backup_mgmt.recovery_operation_s;
  event jsonb;
begin
  perform holdfast.require_writable();
  if not holdfast.is_system_wide(holdfast.caller()) then
    raise exception 'role ''%'' may not % recoveries', holdfast.caller(), case when is_approval then 'approve' else 'refuse' end
      using errcode = 'insufficient_privilege', hint = 'a backup_operator may';
  end if;
  select * into asked from holdfast.request as r where r.request_bk = recovery and r.kind = 'recovery' for update;
  if not found then
    raise exception 'no recovery ''%'' was requested here', recovery
      using errcode = 'ZH006', hint = 'select * from backup_mgmt.requests where request_status = ''WAITING_FOR_APPROVAL''';
  end if;
  select * into ending
  from backup_mgmt.recovery_operation_s as o
  where o.recovery_hk = holdfast.hash_key(asked.request_bk) and o.load_end_date is null and o.recovery_status = 'FAILED';
  if coalesce(asked.error_message, ending.error_message) is not null then
    raise exception 'recovery ''%'' waits no more: %', asked.request_bk, coalesce(asked.error_message, ending.error_message)
      using errcode = 'ZH008', hint = coalesce(asked.error_hint, ending.error_hint);
  end if;
  if not asked.is_undecided then
    raise exception 'recovery ''%'' waits for no approval', asked.request_bk
      using errcode = 'ZH008', hint = case
        when asked.refused_by is not null then format('%s has refused it', asked.refused_by)
        else format('its request is %s', asked.status)
      end;
  end if;
  -- By the login too: whoever may set several roles is still one person. Whoever asked may take it back.
  if is_approval
    and (holdfast.caller() = asked.requested_by or session_user = asked.requested_by or session_user = asked.requested_login)
  then
    raise exception 'recovery ''%'' was requested by ''%'', and is approved by somebody else', asked.request_bk, asked.requested_by
      using errcode = 'ZH008', hint = 'two people: that is what the approval is for';
  end if;
  if not is_approval and asked.machine <> 'recovery' then
    raise exception 'recovery ''%'' was requested of an older version, whose recoveries cannot be refused', asked.request_bk
      using errcode = 'ZH008', hint = 'it is given up by itself when nobody approves it';
  end if;
  event := jsonb_strip_nulls(jsonb_build_object(
    'event', 'recovery-' || decision, 'operation', asked.request_bk, 'at', holdfast.iso_time(decided_at),
    decision || 'By', holdfast.requester(), 'reason', reason
  )) || jsonb_build_object('tenant', holdfast.tenant_name(asked.tenant_hk));
  perform holdfast.note_event(holdfast.journal_key(asked.request_bk, '015', 'recovery-' || decision, decided_at), event);
  update holdfast.request as r
  set
    approved_by = case when is_approval then holdfast.caller() end,
    refused_by = case when not is_approval then holdfast.caller() end,
    events = r.events || event
  where r.request_bk = asked.request_bk;
  perform holdfast.announce_request();
end
$$;
revoke execute on function holdfast.decide_recovery(text, text, text) from public;

create or replace procedure backup_mgmt.approve_recovery(recovery text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform holdfast.decide_recovery(recovery, 'approved', null);
end
$$;

create procedure backup_mgmt.refuse_recovery(recovery text, reason text default null)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform holdfast.decide_recovery(recovery, 'refused', reason);
end
$$;
revoke execute on procedure backup_mgmt.refuse_recovery(text, text) from public;
grant execute on procedure backup_mgmt.refuse_recovery(text, text) to backup_operator;
comment on procedure backup_mgmt.refuse_recovery is 'Ends a recovery that waits for approval';

create or replace function holdfast.note_event(event_key text, event jsonb) returns void
language sql
as $$
  insert into holdfast.audit_entry (
    entry_key, occurred_at, action, subject, target, tenant_hk, actor_kind, actor_name, client_address, execution, detail
  )
  select
    event_key,
    (event ->> 'at')::timestamptz,
    event ->> 'event',
    event ->> 'operation',
    event ->> 'target',
    sha256(convert_to(event ->> 'tenant', 'UTF8')),
    coalesce(actor ->> 'kind', 'holdfast'),
    actor ->> 'name',
    actor ->> 'address',
    event ->> 'execution',
    event - array['at', 'event', 'operation', 'target', 'tenant', 'requestedBy', 'approvedBy', 'refusedBy', 'by', 'execution', 'schedules', 'targets']
  from coalesce(event -> 'requestedBy', event -> 'approvedBy', event -> 'refusedBy', event -> 'by') as actor
  on conflict do nothing
$$;

-- A recovery waits for approval whether it is queued or its execution runs. What was asked for by SQL, and how far it is.
create or replace view backup_mgmt.requests as
select
  r.request_bk,
  r.kind,
  r.target,
  r.method,
  r.tier,
  case
    when r.is_undecided and coalesce(o.recovery_status, 'REQUESTED') = 'REQUESTED' then 'WAITING_FOR_APPROVAL'
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
  -- How long it has been due and nobody has taken it. Minutes mean that nobody looks: does \`take-requests\` run?
  case
    when r.status = 'QUEUED' and r.is_startable and r.run_at <= now()
      then round(extract(epoch from now() - r.run_at))::bigint
  end as untaken_seconds,
  r.attempts,
  r.execution,
  coalesce(r.error_code, b.error_code, o.error_code) as error_code,
  coalesce(r.error_message, b.error_message, o.error_message) as error_message,
  coalesce(r.error_hint, b.error_hint, o.error_hint) as error_hint,
  r.tenant_hk,
  r.refused_by
from holdfast.request as r
left join backup_mgmt.backup_execution_s as b
  on r.kind = 'backup' and b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8')) and b.load_end_date is null
left join backup_mgmt.recovery_operation_s as o
  on r.kind = 'recovery' and o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8')) and o.load_end_date is null;

-- A view that is replaced forgets with whose rights it reads.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view backup_mgmt.requests set (security_invoker = true);
  end if;
end
$$;
`,
  },
  {
    version: 22,
    name: 'measured_logs',
    sql: `-- With a log that is received, what a loss would have cost is not told by the backups before: between them the log goes on. How far it went is seen
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
`,
  },
  {
    version: 23,
    name: 'synthetic_backups',
    sql: `-- Backups that were made of earlier ones, in the store: the backup at the end of that chain. They end no exposure, for they bring back no moment that
-- could not be brought back before.
alter table backup_mgmt.backup_execution_s add column made_from text null;

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
  and backup.method is distinct from 'schema'
  and backup.made_from is null;
`,
  },
  {
    version: 24,
    name: 'looked_at_executions',
    sql: `-- When it was last asked whether the execution of a started request still runs. What was asked about longest ago comes first, so that each has its
-- turn however many there are; and what waits for a second person until a known time, as its own clock knows, is asked about seldom.
alter table holdfast.request add column looked_at timestamptz null;
grant update (looked_at) on holdfast.request to holdfast_writer;
`,
  },
  {
    version: 25,
    name: 'approval_waits_shown',
    sql: `-- Whoever may approve sees since when an execution waits for somebody, and until when. The token beside it stays the writer's alone.
grant select (request_bk, waits_since, waits_until) on holdfast.approval_wait
  to backup_operator, backup_tenant, holdfast_reader;
create policy seen_by_everybody on holdfast.approval_wait for select to backup_operator, holdfast_reader using (true);
-- The request behind it shows itself to its own tenant only.
create policy own_tenant on holdfast.approval_wait for select to backup_tenant
  using (exists (select from holdfast.request as r where r.request_bk = approval_wait.request_bk));

create or replace view backup_mgmt.requests as
select
  r.request_bk,
  r.kind,
  r.target,
  r.method,
  r.tier,
  case
    when r.is_undecided and coalesce(o.recovery_status, 'REQUESTED') = 'REQUESTED' then 'WAITING_FOR_APPROVAL'
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
  -- How long it has been due and nobody has taken it. Minutes mean that nobody looks: does \`take-requests\` run?
  case
    when r.status = 'QUEUED' and r.is_startable and r.run_at <= now()
      then round(extract(epoch from now() - r.run_at))::bigint
  end as untaken_seconds,
  r.attempts,
  r.execution,
  coalesce(r.error_code, b.error_code, o.error_code) as error_code,
  coalesce(r.error_message, b.error_message, o.error_message) as error_message,
  coalesce(r.error_hint, b.error_hint, o.error_hint) as error_hint,
  r.tenant_hk,
  r.refused_by,
  -- Since when its execution waits for somebody, and when it is given up. Null once that is decided.
  w.waits_since as approval_awaited_since,
  w.waits_until as approval_awaited_until
from holdfast.request as r
left join backup_mgmt.backup_execution_s as b
  on r.kind = 'backup' and b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8')) and b.load_end_date is null
left join backup_mgmt.recovery_operation_s as o
  on r.kind = 'recovery' and o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8')) and o.load_end_date is null
left join holdfast.approval_wait as w
  on r.is_undecided and w.request_bk = r.request_bk and coalesce(o.recovery_status, 'REQUESTED') = 'REQUESTED';

-- A view that is replaced forgets with whose rights it reads.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view backup_mgmt.requests set (security_invoker = true);
  end if;
end
$$;
`,
  },
  {
    version: 26,
    name: 'synthetic_requests',
    sql: `-- A full backup can be asked for by SQL that is made of earlier ones in the store, as \`holdfast backup --from\` asks for it.
alter table holdfast.request add column made_from text null;
drop index holdfast.request_waiting;
create unique index request_waiting on holdfast.request
  (target, method, tier, is_verification_asked, coalesce(scheduled_time, '-infinity'), coalesce(made_from, ''))
  where kind = 'backup' and status = 'QUEUED';

-- A function gets no parameter by being replaced; and beside a second one of its name, a call with neither's would be ambiguous.
drop function backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text);
drop function holdfast.request_backups(bytea, text, text, text, boolean, timestamptz);
drop function holdfast.request_backup(holdfast.target, text, text, boolean, timestamptz);

-- Queues one backup, or joins the one of the same kind that waits already.
--
-- Invariant: a request, its rows and its entry in the audit trail are committed together, or none is.
create function holdfast.request_backup(
  target holdfast.target, method text, tier text, verify boolean, run_at timestamptz, made_from text
) returns backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  asked_at constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  due_at constant timestamptz := coalesce(date_trunc('milliseconds', request_backup.run_at), asked_at);
  bk constant text := holdfast.new_operation_id(due_at);
  hk constant bytea := holdfast.hash_key(bk);
  execution constant text := request_backup.target.target || '-backup-' || bk;
  requested_by constant jsonb := holdfast.requester();
  scheduled constant text := holdfast.iso_time(request_backup.run_at);
  event_key constant text := holdfast.journal_key(bk, '010', 'backup-requested', asked_at);
  event constant jsonb := jsonb_build_object(
    'event', 'backup-requested', 'operation', bk, 'at', holdfast.iso_time(asked_at),
    'tenant', holdfast.tenant_name(request_backup.target.tenant_hk),
    'target', request_backup.target.target, 'engine', request_backup.target.engine,
    'method', request_backup.method, 'tier', request_backup.tier, 'scheduledTime', scheduled,
    'requestedBy', requested_by, 'execution', execution, 'parent', null
  );
  joined text;
begin
  loop
    insert into holdfast.request (
      request_bk, kind, target, method, tier, is_verification_asked, tenant_hk, requested_by, requested_at, run_at,
      scheduled_time, machine, execution, input, events, made_from
    )
    values (
      bk, 'backup', request_backup.target.target, request_backup.method, request_backup.tier, request_backup.verify,
      request_backup.target.tenant_hk, holdfast.caller(), asked_at, due_at, request_backup.run_at, 'backup', execution,
      jsonb_strip_nulls(jsonb_build_object(
        'target', request_backup.target.target, 'method', request_backup.method, 'tier', request_backup.tier,
        'scheduledTime', scheduled, 'requestedBy', requested_by, 'backupId', bk, 'requestedAt', holdfast.iso_time(asked_at),
        'verify', nullif(request_backup.verify, false), 'from', request_backup.made_from
      )),
      array[event], request_backup.made_from
    )
    on conflict do nothing;
    exit when found;

    select waiting.request_bk into joined
    from holdfast.request as waiting
    where waiting.kind = 'backup' and waiting.status = 'QUEUED'
      and waiting.target = request_backup.target.target
      and waiting.method = request_backup.method
      and waiting.tier = request_backup.tier
      and waiting.is_verification_asked = request_backup.verify
      and waiting.made_from is not distinct from request_backup.made_from
      and waiting.scheduled_time is not distinct from request_backup.run_at;
    if found then
      perform holdfast.note_call(
        'backup-request-joined', joined, request_backup.target.target, request_backup.target.tenant_hk,
        jsonb_build_object('tier', request_backup.tier, 'method', request_backup.method)
      );
      return (
        joined, holdfast.hash_key(joined), request_backup.target.target, request_backup.target.engine, request_backup.method,
        request_backup.tier, 'REQUESTED', asked_at, due_at, 'joined a request that waits already'
      )::backup_mgmt.requested_backup;
    end if;
    -- It was taken between the two statements: the next round queues one of our own.
  end loop;

  insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, tenant_hk, load_date, record_source)
  values (hk, bk, request_backup.target.tenant_hk, date_trunc('second', due_at), format('journal/%s/', bk));
  insert into backup_mgmt.backup_execution_s (
    backup_hk, backup_bk, tenant_hk, target, engine, method, tier, backup_type, scheduled_time, requested_by_kind,
    requested_by_name, execution, backup_status, backup_start_time, verification_status, load_date, record_source
  )
  values (
    hk, bk, request_backup.target.tenant_hk, request_backup.target.target, request_backup.target.engine, request_backup.method,
    request_backup.tier,
    case request_backup.method when 'schema' then 'SCHEMA' else 'FULL' end, date_trunc('milliseconds', request_backup.run_at), 'sql', holdfast.caller(), execution, 'REQUESTED',
    asked_at, 'PENDING', asked_at, event_key
  );
  perform holdfast.note_event(event_key, event);
  return (
    bk, hk, request_backup.target.target, request_backup.target.engine, request_backup.method, request_backup.tier, 'REQUESTED',
    asked_at, due_at,
    case
      when request_backup.verify and not exists (select from holdfast.installation where 'restore-test' = any (machines))
        then 'read back and validated as every backup; this installation has no restore tests'
    end
  )::backup_mgmt.requested_backup;
end
$$;

-- Requests a backup of each target that is meant, in the order of their names: two callers then wait for each other in one direction.
create function holdfast.request_backups(
  tenant bytea, target text, method text, tier text, verify boolean, run_at timestamptz, made_from text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  each holdfast.target;
  requested integer := 0;
begin
  perform holdfast.require_writable();
  if request_backups.tier not in ('daily', 'weekly', 'monthly', 'compliance', 'manual') then
    raise exception 'there is no tier ''%''', request_backups.tier
      using errcode = 'ZH002', hint = 'daily, weekly, monthly, compliance or manual: how long the backup is kept';
  end if;
  for each in select * from holdfast.targets_for(request_backups.tenant, request_backups.target) loop
    if request_backups.made_from is not null and (cardinality(each.incremental_methods) = 0 or 'base' <> all (each.methods)) then
      -- Of all that are yours, those are meant that have something to make it of.
      continue when request_backups.target is null;
      raise exception 'no backup of target ''%'' can be made of earlier ones: none of its methods builds on a base backup', each.target
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    if request_backups.method <> all (each.methods) then
      raise exception 'target ''%'' is not backed up by method ''%''', each.target, request_backups.method
        using errcode = 'ZH004', hint = format('its methods are: %s', array_to_string(each.methods, ', '));
    end if;
    requested := requested + 1;
    return next holdfast.request_backup(
      each,
      coalesce(
        request_backups.method,
        -- Definitions alone are no full backup, whichever entry comes first.
        (
          select own.method
          from unnest(each.methods) with ordinality as own (method, place)
          where own.method <> 'schema'
          order by own.place
          limit 1
        ),
        each.methods[1]
      ),
      coalesce(request_backups.tier, 'manual'),
      coalesce(request_backups.verify, false),
      request_backups.run_at,
      request_backups.made_from
    );
  end loop;
  if request_backups.made_from is not null and requested = 0 then
    raise exception 'no target has backups that build on a base backup'
      using errcode = 'ZH004', hint = 'leave made_from out for backups of the servers themselves';
  end if;
  if request_backups.run_at is null then
    perform holdfast.announce_request();
  end if;
end
$$;

-- The target of a backup that another is to be made of; refused as unknown to whom it does not belong.
create function holdfast.target_of_backup(tenant bytea, backup text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  found_target text;
begin
  select own.target into found_target
  from backup_mgmt.backup_execution_s as known
  join holdfast.targets_for(tenant, null) as own on own.target = known.target
  where known.backup_hk = holdfast.hash_key(backup)
    and known.load_end_date is null
    and known.backup_status = 'COMPLETED';
  if not found then
    raise exception 'no completed backup ''%'' is known', backup
      using errcode = 'ZH006', hint = 'made_from is ''latest'', or the backup_bk of one that builds on others';
  end if;
  return found_target;
end
$$;

create function backup_mgmt.create_full_backup(
  tenant bytea default null,
  location text default null,
  storage_type text default null,
  compress boolean default null,
  verify boolean default null,
  target text default null,
  tier text default null,
  method text default null,
  made_from text default null
) returns setof backup_mgmt.requested_backup
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  wanted text := target;
begin
  perform holdfast.require_writable();
  perform from holdfast.targets_for(tenant, target);
  perform holdfast.require_configured(location, storage_type, compress);
  if made_from is null then
    return query select * from holdfast.request_backups(tenant, target, method, tier, verify, null);
    return;
  end if;
  if method <> 'base' then
    raise exception 'no % backup can be made of earlier ones', method
      using errcode = 'ZH004', hint = 'method => ''base'' with made_from, or leave one of them out';
  end if;
  if made_from <> 'latest' then
    wanted := holdfast.target_of_backup(tenant, made_from);
    if wanted <> target then
      raise exception 'backup ''%'' is not of target ''%''', made_from, target
        using errcode = 'ZH006', hint = format('it is of ''%s''', wanted);
    end if;
  end if;
  return query select * from holdfast.request_backups(tenant, wanted, 'base', tier, verify, null, made_from);
end
$$;

revoke execute on function
  holdfast.request_backup(holdfast.target, text, text, boolean, timestamptz, text),
  holdfast.request_backups(bytea, text, text, text, boolean, timestamptz, text),
  holdfast.target_of_backup(bytea, text),
  backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text, text)
from public;
grant execute on function
  backup_mgmt.create_full_backup(bytea, text, text, boolean, boolean, text, text, text, text)
to backup_operator, backup_tenant;
comment on function backup_mgmt.create_full_backup is
  'Requests a full backup of every target that is yours, or of one, from the server or made of earlier backups; a row for each';
`,
  },
  {
    version: 27,
    name: 'restore_proof',
    sql: `-- What was done with a restored copy before it was handed over: 'compared', all of it was read back; 'loaded', the digests of what the server was
-- given are the backup's; 'examined', 'recovered' and 'unpacked' are a cluster's, with and without a look at its pages, and without a start.
alter table backup_mgmt.recovery_operation_s
  add column proof text null constraint recovery_operation_s_proof_known
    check (proof in ('compared', 'loaded', 'examined', 'recovered', 'unpacked'));
`,
  },
];
