import type { ScheduleFacts, SeriesFacts, WatchFacts } from '../../lib/core/find-problems.ts';
import type { BackupId, TargetName } from '../../lib/core/ids.ts';

export const orders = 'orders' as TargetName;

/** A nightly schedule of 'orders' whose last backup is complete. */
export const nightly: ScheduleFacts = {
  name: 'orders-daily-logical',
  target: orders,
  method: 'logical',
  tier: 'daily',
  due: '2026-11-21T02:00:00.000Z',
  run: 'completed',
  operation: '20261121T020001Z-9f3c2a1b' as BackupId,
};

export const newestBackup = {
  backupId: '20261121T020001Z-9f3c2a1b' as BackupId,
  beganAt: '2026-11-21T02:00:10.000Z',
  endedAt: '2026-11-21T02:05:00.000Z',
};

export const ordersSeries: SeriesFacts = {
  target: orders,
  method: 'logical',
  windowHours: 26,
  since: '2026-11-01T00:00:00.000Z',
  newest: newestBackup,
  rpoHours: null,
};

/** An installation in which all is well at noon of 2026-11-21. */
export const well: WatchFacts = {
  schedules: [nightly],
  series: [ordersSeries],
  unended: [],
  leases: [],
  cleanup: { due: '2026-11-15T06:00:00.000Z', begunAt: '2026-11-15T06:00:07.000Z' },
  longestAttemptSeconds: 3 * 3600,
  reconciler: { at: '2026-11-21T11:55:00.000Z', journaled: 0, applied: 3, leftOut: 0 },
  watchedSince: '2026-11-01T00:00:00.000Z',
  hasCatalog: true,
  catalogError: undefined,
  keyError: undefined,
  targets: [{ target: orders, isReachable: true, serverVersion: '17.6', unarchivedWalFiles: 0 }],
  canary: undefined,
  volumes: [],
};

export const noon = new Date('2026-11-21T12:00:00.000Z');
