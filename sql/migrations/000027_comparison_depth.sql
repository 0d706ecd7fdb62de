-- How a restored copy was held against its backup: 'full', all of it was read back; 'loaded', by the digests of what the server was given.
alter table backup_mgmt.recovery_operation_s
  add column comparison text null constraint recovery_operation_s_comparison_known check (comparison in ('full', 'loaded'));
