import { type JournalEvent, journalEventSchema } from '../../lib/core/journal.ts';

/** Events of a backup of `orders`, as the state machine records them. `over` replaces what a test is about. */
const backup = '20261121T020000Z-9f3c2a1b';

export const event = (value: Record<string, unknown>): JournalEvent =>
  journalEventSchema.parse({ operation: backup, tenant: null, ...value });

export const requested = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-requested',
    at: '2026-11-21T02:00:00.000Z',
    target: 'orders',
    engine: 'postgres',
    method: 'logical',
    tier: 'daily',
    scheduledTime: '2026-11-21T02:00:00Z',
    requestedBy: { kind: 'schedule', name: 'orders-daily-logical' },
    execution: 'orders-20261121T020000Z',
    parent: null,
    ...over,
  });

export const begun = (over: Record<string, unknown> = {}): JournalEvent =>
  event({ event: 'backup-begun', at: '2026-11-21T02:00:10.500Z', fencingToken: 7, ...over });

export const completed = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-completed',
    at: '2026-11-21T02:05:00.000Z',
    beganAt: '2026-11-21T02:00:10.500Z',
    endedAt: '2026-11-21T02:04:40.750Z',
    plainBytes: 4_000_000_000,
    storedBytes: 1_000_000_000,
    storageLocation: `s3://vault/backups/orders/${backup}/`,
    storageType: 's3',
    retentionUntil: '2026-11-28T02:04:40.750Z',
    verification: 'VALIDATED',
    ...over,
  });

export const failed = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-failed',
    at: '2026-11-21T02:03:00.000Z',
    endedAt: '2026-11-21T02:02:50.000Z',
    error: {
      code: 'source-unreachable',
      message: "server 'db.internal:5432' refused the connection",
      hint: 'is the server running, and may this network reach it?',
    },
    ...over,
  });

export const verified = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-verified',
    at: '2026-11-21T09:00:00.000Z',
    verification: 'VERIFIED',
    detail: '12 tables and 1000000 rows are the same',
    ...over,
  });

export const held = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-held',
    at: '2026-12-01T08:00:00.000Z',
    heldBy: { kind: 'user', name: 'anna' },
    reason: 'case 4711',
    ...over,
  });

export const released = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-released',
    at: '2026-12-02T08:00:00.000Z',
    releasedBy: { kind: 'user', name: 'anna' },
    reason: 'closed',
    ...over,
  });

const cleanup = '20261206T060000Z-0c1ea000';

export const expired = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'backup-expired',
    at: '2026-12-06T06:00:00.000Z',
    target: 'orders',
    cleanup,
    reason: 'daily: was kept until 2026-11-28, and nothing needs it any more',
    ...over,
  });

export const kept = (over: Record<string, unknown> = {}): JournalEvent =>
  event({ event: 'backup-kept', at: '2026-12-06T06:00:01.000Z', cleanup, reason: 'it was held meanwhile', ...over });

export const deleted = (over: Record<string, unknown> = {}): JournalEvent =>
  event({ event: 'backup-deleted', at: '2026-12-06T06:00:05.000Z', cleanup, freedBytes: 1_000_000_000, ...over });

const recovery = '20261121T090000Z-00c0ffee';

export const recoveryRequested = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'recovery-requested',
    operation: recovery,
    at: '2026-11-21T09:00:00.000Z',
    backupId: backup,
    target: 'orders',
    destination: 'orders_restored',
    requestedBy: { kind: 'user', name: 'anna' },
    execution: 'restore-1',
    ...over,
  });

export const recoveryApproved = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'recovery-approved',
    operation: recovery,
    at: '2026-11-21T09:00:01.000Z',
    approvedBy: { kind: 'sql', name: 'berta', address: '10.0.0.7' },
    ...over,
  });

export const recoveryAwaited = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'recovery-approval-awaited',
    operation: recovery,
    at: '2026-11-21T09:00:00.500Z',
    target: 'orders',
    until: '2026-11-22T09:00:00.500Z',
    execution: 'restore-1',
    ...over,
  });

export const recoveryBegun = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'recovery-begun',
    operation: recovery,
    at: '2026-11-21T09:00:05.000Z',
    plan: {
      ...{ engine: 'postgres', backups: [backup], plainBytes: 4_000_000_000, storedBytes: 1_000_000_000 },
      ...{ backupPoint: '2026-11-21T02:00:06.000Z', point: 'the latest point' },
      log: {
        ...{ timeline: 1, segments: 2, first: '000000010000000000000003', last: '000000010000000000000004' },
        ...{ bytes: 33_554_432, reachable: '0/4000100', lastSegmentFrom: '0/4000000' },
      },
    },
    ...over,
  });

export const recoveryEnded = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'recovery-ended',
    operation: recovery,
    at: '2026-11-21T09:10:00.000Z',
    status: 'COMPLETED',
    beganAt: '2026-11-21T09:00:05.000Z',
    endedAt: '2026-11-21T09:09:05.000Z',
    restoredBytes: 4_000_000_000,
    compared: true,
    proof: 'compared',
    ...over,
  });

const dailySchedule = {
  name: 'orders-daily-logical',
  target: 'orders',
  engine: 'postgres',
  method: 'logical',
  tier: 'daily',
  cron: '0 2 * * *',
  timezone: 'Europe/Berlin',
  retentionDays: 7,
  enabled: true,
};

export const schedule = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...dailySchedule,
  ...over,
});

export const declared = (at: string, schedules: readonly Record<string, unknown>[], tail = '00000001'): JournalEvent =>
  event({
    event: 'schedules-declared',
    operation: `${at.slice(0, 19).replaceAll(/[-:]/g, '')}Z-${tail}`,
    at,
    schedules,
  });

export const scheduleChanged = (at: string, set: Record<string, unknown> | 'as-configured'): JournalEvent =>
  event({
    event: 'schedule-changed',
    operation: '19700101T000000Z-a17908cc',
    at,
    schedule: 'orders-daily-logical',
    change: at,
    set,
    requestedBy: { kind: 'user', name: 'anna' },
  });

const validation = '20261121T120000Z-0badcafe';

export const restoreTestRequested = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'restore-test-requested',
    operation: validation,
    at: '2026-11-21T12:00:00.000Z',
    backupId: backup,
    target: 'orders',
    reason: 'it was named',
    requestedBy: { kind: 'user', name: 'anna' },
    execution: 'orders-restore-test-1',
    ...over,
  });

export const restoreTestEnded = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'restore-test-ended',
    operation: validation,
    at: '2026-11-21T12:20:00.000Z',
    backupId: backup,
    target: 'orders',
    requestedBy: { kind: 'user', name: 'anna' },
    status: 'PASSED',
    beganAt: '2026-11-21T12:00:00.000Z',
    endedAt: '2026-11-21T12:20:00.000Z',
    figures: {
      serverVersion: '17.6',
      databases: 1,
      tables: 12,
      rows: 1_000_000,
      relations: 40,
      assertions: 2,
      restoredBytes: 4_000_000_000,
      restoreSeconds: 800,
    },
    rtoSeconds: 900,
    ...over,
  });

export const validationEnded = (over: Record<string, unknown> = {}): JournalEvent =>
  event({
    event: 'validation-ended',
    operation: '20261121T020430Z-0000000a',
    at: '2026-11-21T02:04:50.000Z',
    backupId: backup,
    target: 'orders',
    requestedBy: { kind: 'schedule', name: 'orders-daily-logical' },
    type: 'full',
    status: 'PASSED',
    beganAt: '2026-11-21T02:04:42.000Z',
    endedAt: '2026-11-21T02:04:50.000Z',
    objects: 3,
    readBytes: 1_000_000_000,
    problems: 0,
    ...over,
  });

export const targetsDeclared = (
  at: string,
  targets: readonly Record<string, unknown>[] = [{ name: 'orders', tenant: null }],
  over: Record<string, unknown> = {},
): JournalEvent =>
  event({
    event: 'targets-declared',
    operation: `${at.slice(0, 19).replaceAll(/[-:]/g, '')}Z-0000007a`,
    at,
    storageType: 's3',
    storageLocation: 's3://vault/',
    compression: 'zstd',
    machines: ['backup', 'restore', 'recovery'],
    targets: targets.map((target) => ({
      engine: 'postgres',
      tenant: null,
      methods: ['logical'],
      incrementalMethods: [],
      ...target,
    })),
    ...over,
  });
