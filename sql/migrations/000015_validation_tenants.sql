-- Validations are their tenant's too, as backups and recoveries are. The views of measured times are the operators'.
alter table backup_mgmt.validation_results enable row level security;
create policy system_wide on backup_mgmt.validation_results
  to backup_operator, holdfast_writer, holdfast_reader using (true) with check (true);
create policy own_tenant on backup_mgmt.validation_results for select to backup_tenant
  using (tenant_hk = any ((select holdfast.tenants_of(current_user))::bytea[]));
grant select on backup_mgmt.validation_results to backup_tenant;
