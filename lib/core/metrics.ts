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
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metrics;
