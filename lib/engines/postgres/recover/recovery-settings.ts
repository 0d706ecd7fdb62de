import type { RecoveryPoint } from '../../../core/recovery-point.ts';

/** The settings that stop a recovery at the point; none where it goes on to the end of the log. */
export function targetSettings(point: RecoveryPoint): Readonly<Record<string, string>> {
  const inclusive = 'isExclusive' in point && point.isExclusive ? 'off' : 'on';
  switch (point.kind) {
    case 'latest':
      return {};
    case 'immediate':
      return { recovery_target: 'immediate' };
    case 'time':
      return { recovery_target_time: serverTime(point.value), recovery_target_inclusive: inclusive };
    case 'lsn':
      return { recovery_target_lsn: point.value, recovery_target_inclusive: inclusive };
    case 'name':
      return { recovery_target_name: point.value };
    case 'transaction':
      return { recovery_target_xid: point.value, recovery_target_inclusive: inclusive };
  }
}

/** The server takes no time with a `T` and a `Z` here. */
const serverTime = (iso: string): string => iso.replace('T', ' ').replace(/Z$/, '+00');

/**
 * What a server that recovers under our eyes is set to, over whatever the cluster itself says: it is reached through one socket and archives,
 * calls and loads nothing. It takes no questions before it has recovered, so that it need not be as large as the server that wrote the log.
 */
export const privateSettings = {
  listen_addresses: '',
  port: '5432',
  unix_socket_permissions: '0700',
  ssl: 'off',
  hot_standby: 'off',
  archive_mode: 'off',
  archive_command: '',
  recovery_target_action: 'promote',
  recovery_end_command: '',
  archive_cleanup_command: '',
  primary_conninfo: '',
  primary_slot_name: '',
  // A prepared transaction that was open at the point is taken over, and has to have a place.
  max_prepared_transactions: '1000',
  max_connections: '100',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  shared_preload_libraries: '',
  huge_pages: 'off',
  shared_buffers: '256MB',
  maintenance_work_mem: '256MB',
  // A restored subscription must not call its publisher, which is production.
  max_logical_replication_workers: '0',
  restart_after_crash: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  log_line_prefix: '%m ',
  log_timezone: 'UTC',
  lc_messages: 'C',
} as const satisfies Record<string, string>;

/** Given up where nothing is to outlive this process. */
export const fleetingSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } as const;
