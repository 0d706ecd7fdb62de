/**
 * Every metric, once: emitters, alarms, dashboards and /metrics take names, units and dimensions from here, so that no alarm waits for a
 * name that nobody emits.
 *
 * There are two kinds. `metrics` are sent to CloudWatch when something happens, in the embedded metric format. `figures` are facts that
 * /metrics reckons when it is asked, in Prometheus's text format; where both tell the same fact, `cloudWatch` names the metric.
 */
export const metricNamespace = 'Holdfast';

type MetricRow = {
  readonly unit: 'Count' | 'Bytes' | 'Seconds';
  readonly dimensions: readonly string[];
  readonly description: string;
};

export const metrics = {
  BackupSucceeded: {
    unit: 'Count',
    dimensions: ['Target', 'Method'],
    description: 'A complete backup was published and validated',
  },
  BackupFailed: {
    unit: 'Count',
    dimensions: ['Target', 'Method'],
    description: 'A run ended without a complete backup',
  },
  BackupDuration: {
    unit: 'Seconds',
    dimensions: ['Target', 'Method'],
    description: 'From the request to the end of the run',
  },
  BackupPlainBytes: { unit: 'Bytes', dimensions: ['Target', 'Method'], description: 'Bytes read from the source' },
  BackupStoredBytes: { unit: 'Bytes', dimensions: ['Target', 'Method'], description: 'Bytes in the store' },
  RestoreSucceeded: { unit: 'Count', dimensions: ['Target'], description: 'A copy was restored and found the same' },
  RestoreFailed: {
    unit: 'Count',
    dimensions: ['Target'],
    description: 'A restore ended without a copy that is the same',
  },
  RestoreDuration: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'From the request to the end of the restore',
  },
  RestoreTestPassed: {
    unit: 'Count',
    dimensions: ['Target'],
    description: 'A backup was restored into a server of its own, and all checks passed',
  },
  RestoreTestFailed: {
    unit: 'Count',
    dimensions: ['Target'],
    description: 'A restore test ended without that proof, whatever the reason',
  },
  RestoreTestDuration: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'From the request to the end of the restore test',
  },
  RtoAttained: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'From the request of a restore or restore test until everything was in place and compared',
  },
  RpoAttained: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description:
      'At the end of a backup, what a loss would have cost: the age of the restorable point that it followed, or of the end of the log that is received',
  },
  RestorablePointAge: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description:
      'Age of the newest point in time that a validated backup brings back, and the log that goes on from it',
  },
  VerifiedPointAge: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'Age of the newest point in time that a restore test has brought back',
  },
  CleanupSucceeded: { unit: 'Count', dimensions: [], description: 'A cleanup came to its end' },
  CleanupFailed: { unit: 'Count', dimensions: [], description: 'A cleanup ended before it had done what it planned' },
  BackupsDeleted: { unit: 'Count', dimensions: [], description: 'Backups that a cleanup removed' },
  CleanupFreedBytes: { unit: 'Bytes', dimensions: [], description: 'Bytes that a cleanup freed in the store' },
  CleanupRetainedBytes: {
    unit: 'Bytes',
    dimensions: [],
    description: 'Bytes that a cleanup was to free, and a lock of the store keeps',
  },
  EventsUnindexed: {
    unit: 'Count',
    dimensions: [],
    description: 'Journal events that the catalog had not seen at the last reconciliation',
  },
  RequestsWaiting: {
    unit: 'Count',
    dimensions: [],
    description: 'Requests made by SQL that were due and that nobody had taken at the last look',
  },
  OldestRequestSeconds: {
    unit: 'Seconds',
    dimensions: [],
    description: 'For how long the oldest of them had been due',
  },
  ReconcilerBeat: { unit: 'Count', dimensions: [], description: 'The reconciler ran to its end' },
  BackupValidationFailed: {
    unit: 'Count',
    dimensions: ['Target', 'Method'],
    description: 'A backup could not be read back as it was written',
  },
  WatchBeat: { unit: 'Count', dimensions: [], description: 'The watch ran to its end' },
  MissedRuns: { unit: 'Count', dimensions: [], description: 'Backups that were due and not begun, at the last look' },
  MissedCleanups: {
    unit: 'Count',
    dimensions: [],
    description: '1 when a cleanup was due and not begun, at the last look, 0 when not',
  },
  StuckRuns: { unit: 'Count', dimensions: [], description: 'Runs that last longer than one may, at the last look' },
  KeyUsable: { unit: 'Count', dimensions: [], description: '1 when the key can wrap and unwrap, 0 when it cannot' },
  UnarchivedWalFiles: {
    unit: 'Count',
    dimensions: ['Target'],
    description: 'WAL files of the server that wait to be archived',
  },
  WalReceiverBeat: {
    unit: 'Count',
    dimensions: ['Target'],
    description: "The receiver of a target's write-ahead log is at work, or waits for the server or the store",
  },
  WalLagSeconds: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'For how long the oldest write-ahead log that is not in the store has been written',
  },
  WalLagBytes: {
    unit: 'Bytes',
    dimensions: ['Target'],
    description: 'Write-ahead log that the server has written and the store has not',
  },
  WalSlotRetainedBytes: {
    unit: 'Bytes',
    dimensions: ['Target'],
    description: "Write-ahead log that the server keeps on its disk for the receiver's slot",
  },
  WalGaps: {
    unit: 'Count',
    dimensions: ['Target'],
    description: 'Stretches of write-ahead log that neither the server nor the store has any more, found just now',
  },
  WalStoredBytes: {
    unit: 'Bytes',
    dimensions: ['Target'],
    description: 'Bytes of write-ahead log that went into the store',
  },
  HealthCheckBeat: { unit: 'Count', dimensions: [], description: 'The health check ran to its end' },
  AlertCanarySucceeded: {
    unit: 'Count',
    dimensions: ['Channel'],
    description: 'A channel of alerts was proved to work',
  },
  AlertUndelivered: {
    unit: 'Count',
    dimensions: ['Channel'],
    description: 'An alert could not be delivered by a channel, after several tries',
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metrics;

type FigureRow = {
  /** As Prometheus knows it. Those without `holdfast_` are names that users have rules for. */
  readonly name: string;
  readonly labels: readonly string[];
  readonly help: string;
  /** The metric that tells the same in CloudWatch. @default - none */
  readonly cloudWatch?: MetricName;
};

/** One series per target and method: `service` is the engine, `type` the method. */
const series = ['service', 'type', 'target'] as const;

export const figures = {
  backupStatus: {
    name: 'backup_status',
    labels: series,
    help: 'Whether the last run that ended was a success: 1, or 0',
    cloudWatch: 'BackupSucceeded',
  },
  backupAge: {
    name: 'backup_age_hours',
    labels: series,
    help: 'Hours since the newest complete backup ended',
  },
  backupSize: {
    name: 'backup_size_bytes',
    labels: series,
    help: 'Bytes that the newest complete backup takes in the store',
    cloudWatch: 'BackupStoredBytes',
  },
  backupPlainSize: {
    name: 'holdfast_backup_plain_bytes',
    labels: series,
    help: 'Bytes that were read from the source for the newest complete backup',
    cloudWatch: 'BackupPlainBytes',
  },
  backupDuration: {
    name: 'holdfast_backup_duration_seconds',
    labels: series,
    help: 'How long the newest complete backup took',
    cloudWatch: 'BackupDuration',
  },
  validationStatus: {
    name: 'backup_validation_status',
    labels: series,
    help: 'Whether the newest backup that was validated could be read as it was written: 1, or 0',
    cloudWatch: 'BackupValidationFailed',
  },
  validationDuration: {
    name: 'backup_validation_duration',
    labels: series,
    help: 'Seconds that the validation of the newest complete backup took',
  },
  volumeHealth: {
    name: 'volume_health_status',
    labels: ['volume'],
    help: 'Whether a volume can be written to and is less than 95 % full: 1, or 0',
  },
  volumeUsage: { name: 'volume_usage_percent', labels: ['volume'], help: 'How full a volume is, in percent' },
  volumeUsed: { name: 'volume_used_bytes', labels: ['volume'], help: 'Bytes that are used on a volume' },
  restorablePointAge: {
    name: 'holdfast_restorable_point_age_seconds',
    labels: ['target'],
    help: 'Time since the newest point to which the target can be restored: the recovery point that would be attained now',
    cloudWatch: 'RestorablePointAge',
  },
  verifiedPointAge: {
    name: 'holdfast_verified_point_age_seconds',
    labels: ['target'],
    help: 'Time since the newest point of which a restore was found the same',
    cloudWatch: 'VerifiedPointAge',
  },
  rpo: { name: 'holdfast_rpo_seconds', labels: ['target'], help: 'The recovery point objective of the target' },
  rto: { name: 'holdfast_rto_seconds', labels: ['target'], help: 'The recovery time objective of the target' },
  recoveryStatus: {
    name: 'holdfast_recovery_status',
    labels: ['target'],
    help: 'Whether the last restore of the target that ended was a success: 1, or 0',
    cloudWatch: 'RestoreSucceeded',
  },
  recoveryDuration: {
    name: 'holdfast_recovery_duration_seconds',
    labels: ['target'],
    help: 'How long the last successful restore of the target took: the recovery time that was attained',
    cloudWatch: 'RestoreDuration',
  },
  problems: {
    name: 'holdfast_problems',
    labels: ['kind', 'severity'],
    help: 'Problems that are open, by kind: holdfast health tells them',
  },
  targetReachable: {
    name: 'holdfast_target_reachable',
    labels: ['target'],
    help: 'Whether the target answered when the health check asked it: 1, or 0',
  },
  unarchivedWal: {
    name: 'holdfast_wal_unarchived_files',
    labels: ['target'],
    help: 'WAL files of the server that wait to be archived; no row where the server does not say',
    cloudWatch: 'UnarchivedWalFiles',
  },
  walLag: {
    name: 'holdfast_wal_lag_seconds',
    labels: ['target'],
    help: 'For how long the oldest log that is not in the store has been written; the age of the last word where the receiver is silent',
    cloudWatch: 'WalLagSeconds',
  },
  walLagBytes: {
    name: 'holdfast_wal_lag_bytes',
    labels: ['target'],
    help: 'Log that the server has written and the store has not',
    cloudWatch: 'WalLagBytes',
  },
  walSlotRetained: {
    name: 'holdfast_wal_slot_retained_bytes',
    labels: ['target'],
    help: "Log that the server keeps on its disk for the receiver's slot",
    cloudWatch: 'WalSlotRetainedBytes',
  },
  walPointAge: {
    name: 'holdfast_wal_point_age_seconds',
    labels: ['target'],
    help: 'Time since the newest point that the log in the store is good for',
  },
  catalogUp: {
    name: 'holdfast_catalog_up',
    labels: [],
    help: 'Whether these figures come from the catalog (1) or, because it is away, from the store alone (0)',
  },
  catalogBehind: {
    name: 'holdfast_catalog_unindexed_events',
    labels: [],
    help: 'Journal events that the catalog could not take at the last reconciliation',
    cloudWatch: 'EventsUnindexed',
  },
  reconcilerAge: {
    name: 'holdfast_reconciler_age_seconds',
    labels: [],
    help: 'Seconds since the reconciler ended well',
    cloudWatch: 'ReconcilerBeat',
  },
  watchAge: {
    name: 'holdfast_watch_age_seconds',
    labels: [],
    help: 'Seconds since the watch ended well',
    cloudWatch: 'WatchBeat',
  },
  healthCheckAge: {
    name: 'holdfast_health_check_age_seconds',
    labels: [],
    help: 'Seconds since the last health check',
    cloudWatch: 'HealthCheckBeat',
  },
  channelStatus: {
    name: 'holdfast_alert_channel_status',
    labels: ['channel'],
    help: 'Whether the last canary proved that a channel of alerts works: 1, or 0',
    cloudWatch: 'AlertCanarySucceeded',
  },
  channelAge: {
    name: 'holdfast_alert_canary_age_seconds',
    labels: ['channel'],
    help: 'Time since a channel of alerts was proved to work',
  },
  buildInfo: { name: 'holdfast_build_info', labels: ['version'], help: 'Always 1; the version is in the label' },
} as const satisfies Record<string, FigureRow>;

export type FigureName = keyof typeof figures;

/** One value of a figure. */
export type Sample = {
  readonly figure: FigureName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
