-- Roles belong to the cluster, not to this database: another catalog of the same server may have made them, at this very
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
