/**
 * Every metric, once: emitters, alarms, dashboards and /metrics take names, units and dimensions from here, so that no alarm waits for a
 * name that nobody emits.
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
    description: 'At the end of a backup, the age of the restorable point that it followed: what could have been lost',
  },
  RestorablePointAge: {
    unit: 'Seconds',
    dimensions: ['Target'],
    description: 'Age of the newest point in time that a validated backup brings back',
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
  ReconcilerBeat: { unit: 'Count', dimensions: [], description: 'The reconciler ran to its end' },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metrics;
