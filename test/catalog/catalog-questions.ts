/** What operators, dashboards and programs ask of a catalog, by name: every view and function, as it is used. */
export const questions: Readonly<Record<string, string>> = {
  backup_success_by_day: 'select * from backup_mgmt.backup_success_by_day order by day desc, backup_type',
  backup_sizes_by_type: 'select * from backup_mgmt.backup_sizes_by_type',
  failed_backups: 'select * from backup_mgmt.failed_backups order by backup_start_time desc limit 50',
  'failed_backups, a week':
    "select * from backup_mgmt.failed_backups where backup_start_time > now() - interval '7 days'",
  backups_completed_last_24_hours: 'select * from backup_mgmt.backups_completed_last_24_hours',
  requests: 'select * from backup_mgmt.requests order by requested_at desc limit 50',
  'requests, untaken': 'select * from backup_mgmt.requests where untaken_seconds > 120',
  audit_trail: 'select * from backup_mgmt.audit_trail order by occurred_at desc limit 50',
  'audit_trail, a day': "select * from backup_mgmt.audit_trail where occurred_at > now() - interval '1 day'",
  'audit_trail, a person':
    "select * from backup_mgmt.audit_trail where actor_name = 'anna' order by occurred_at desc limit 50",
  'create_full_backup()': 'select * from backup_mgmt.create_full_backup()',
  'create_full_backup(target)': "select * from backup_mgmt.create_full_backup(target => 'target-7')",
  'schedule_backup()': "select * from backup_mgmt.schedule_backup(target => 'target-7')",
  'initiate_point_in_time_recovery()':
    "select * from backup_mgmt.initiate_point_in_time_recovery(target => 'target-7', recovery_type => 'FULL', target_time => now() - interval '30 days')",
  'verify_backup_integrity()': 'select * from backup_mgmt.verify_backup_integrity()',
  'cleanup_expired_backups()': 'select * from backup_mgmt.cleanup_expired_backups()',
  'get_next_scheduled_backups()': 'select * from backup_mgmt.get_next_scheduled_backups()',
  'get_next_scheduled_backups(168)': 'select * from backup_mgmt.get_next_scheduled_backups(168)',
};
