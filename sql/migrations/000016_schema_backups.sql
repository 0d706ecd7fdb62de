-- Backups of the definitions alone are a type of their own, so that no count of full backups takes them in.

alter table backup_mgmt.backup_execution_s
  drop constraint backup_execution_s_type_known,
  add constraint backup_execution_s_type_known check (backup_type in ('FULL', 'INCREMENTAL', 'SCHEMA'));
