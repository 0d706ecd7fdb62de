-- Tenants. Every hub and satellite row bears the hash key of the tenant that its target belongs to; null is system-wide.
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
