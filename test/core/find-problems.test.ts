import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProblems, type WatchFacts } from '../../lib/core/find-problems.ts';
import type { BackupId } from '../../lib/core/ids.ts';
import { newestBackup, nightly, noon, orders, ordersSeries, well } from './watch-facts.ts';

const found = (facts: Partial<WatchFacts>, now: Date = noon): readonly (readonly [string, string])[] =>
  findProblems({ ...well, ...facts }, now).map(({ id, message }) => [id, message] as const);

test('where all is well there is no problem', () => {
  assert.deepEqual(found({}), []);
});

test('a backup that was due and never begun is missed, until there is one since', () => {
  const missed = { ...nightly, run: 'none' as const };
  const older = { ...ordersSeries, newest: { ...newestBackup, beganAt: '2026-11-20T12:00:00.000Z' } };

  assert.deepEqual(found({ schedules: [missed], series: [older] }), [
    [
      'missed-run-orders-daily-logical',
      "the backup 'orders-daily-logical' was due at 2026-11-21T02:00:00.000Z and was never begun",
    ],
  ]);
  assert.deepEqual(found({ schedules: [missed] }), []);
});

test('a cleanup that was due and never begun is missed, until one has begun since, by schedule or by hand', () => {
  const due = '2026-11-21T06:00:00.000Z';
  const missed = (last: string): string =>
    `the cleanup was due at 2026-11-21T06:00:00.000Z and was never begun; ${last}`;

  assert.deepEqual(found({ cleanup: { due, begunAt: '2026-11-14T06:00:04.000Z' } }), [
    ['missed-cleanup', missed('the last one began at 2026-11-14T06:00:04.000Z')],
  ]);
  assert.deepEqual(found({ cleanup: { due, begunAt: null } }), [['missed-cleanup', missed('there was none before')]]);
  assert.deepEqual(found({ cleanup: { due, begunAt: '2026-11-21T09:00:00.000Z' } }), []);
  assert.deepEqual(found({ cleanup: { due: null, begunAt: null } }), []);
});

test('requests that nobody takes are a problem after ten minutes', () => {
  assert.deepEqual(found({ queue: { waiting: 2, oldestSeconds: 601 } }), [
    ['requests-waiting', 'nobody takes 2 requests made by SQL; the oldest waits for 10 minutes'],
  ]);
  assert.deepEqual(found({ queue: { waiting: 2, oldestSeconds: 600 } }), []);
});

test('a failed backup is a problem of its target, one that did not start is one of all, one that is corrupt is another', () => {
  const older = [{ ...ordersSeries, newest: { ...newestBackup, beganAt: '2026-11-20T12:00:00.000Z' } }];
  const failed = (code: string) =>
    found({
      series: older,
      schedules: [{ ...nightly, run: 'failed', error: { code, message: 'it broke', hint: '' } }],
    });
  const message = (code: string): string =>
    `the backup '20261121T020001Z-9f3c2a1b' of 'orders', due at 2026-11-21T02:00:00.000Z, failed: [${code}] it broke`;

  assert.deepEqual(failed('source-busy'), [['backup-failed-orders-logical', message('source-busy')]]);
  assert.deepEqual(failed('task-not-started'), [['task-not-started', message('task-not-started')]]);
  assert.deepEqual(failed('corrupt'), [['validation-failed-orders-logical', message('corrupt')]]);
});

test('a target without a backup in its window is late; a new one has as long as any other', () => {
  const none = { ...ordersSeries, newest: null };

  assert.deepEqual(found({ series: [none], schedules: [] }), [
    [
      'no-backup-orders-logical',
      "no complete logical backup of 'orders' in 26 hours, in which there must have been one: there is none",
    ],
  ]);
  assert.deepEqual(found({ series: [{ ...none, since: '2026-11-21T00:00:00.000Z' }], schedules: [] }), []);
  assert.deepEqual(
    found({ schedules: [] }, new Date('2026-11-22T05:00:00.000Z')).map(([id]) => id),
    ['no-backup-orders-logical', 'reconciler-silent'],
  );
});

test('the recovery point objective is exceeded when the newest point is older, where a schedule can meet it', () => {
  const hourly = { ...ordersSeries, windowHours: 48, rpoHours: 4 };

  assert.deepEqual(found({ series: [hourly] }), [
    ['rpo-exceeded-orders', "the last point to which 'orders' can be restored is 10 hours old; its objective is 4"],
  ]);
});

test('a run that lasts longer than one attempt may is stuck', () => {
  const operation = '20261121T083000Z-0000000a' as BackupId;
  const run = { operation, kind: 'backup' as const, at: '2026-11-21T08:30:00.000Z' };

  assert.deepEqual(found({ unended: [run] }), [
    [
      'stuck-run-20261121t083000z-0000000a',
      "the backup '20261121T083000Z-0000000a' runs since 2026-11-21T08:30:00.000Z, longer than one may take",
    ],
  ]);
  assert.deepEqual(found({ unended: [{ ...run, at: '2026-11-21T10:00:00.000Z' }] }), []);
});

test('a lease that ran out and was not given back is stale; a held or released one is not', () => {
  const lease = {
    target: 'orders',
    method: 'logical',
    description: 'backup 20261121T080000Z-0000000a',
    until: '2026-11-21T08:15:00.000Z',
    isReleased: false,
  };

  assert.deepEqual(
    found({ leases: [lease] }).map(([id]) => id),
    ['stale-lease-orders-logical'],
  );
  assert.deepEqual(found({ leases: [{ ...lease, isReleased: true }] }), []);
  assert.deepEqual(found({ leases: [{ ...lease, until: '2026-11-21T11:59:00.000Z' }] }), []);
});

test("Holdfast's own parts are looked at as well", () => {
  const canary = {
    at: '2026-11-21T08:00:00.000Z',
    channels: [{ channel: 'webhook', isWorking: false, detail: 'it answered with status 500', workedAt: null }],
  };

  assert.deepEqual(
    found({
      keyError: "the KMS key 'k' is in the state 'Disabled'",
      catalogError: 'the catalog is away',
      reconciler: { at: '2026-11-21T10:00:00.000Z', journaled: 0, applied: 0, leftOut: 2 },
      canary,
      volumes: [{ volume: 'store', usagePercent: 91.4 }],
    }),
    [
      ['key-unusable', "the KMS key 'k' is in the state 'Disabled'"],
      ['catalog-down', 'the catalog is away'],
      ['reconciler-silent', 'the reconciler has not ended well since 2026-11-21T10:00:00.000Z'],
      ['catalog-behind', 'the catalog lacks 2 events that the store has'],
      ['channel-down-webhook', 'alerts do not arrive by webhook: it answered with status 500'],
      ['volume-full-store', "the volume 'store' is 91 % full"],
    ],
  );
});

test('a reconciler is not blamed for the time in which nothing ran; a watch that looks no more is told by who looks', () => {
  const reconciler = { at: '2026-11-20T10:00:00.000Z', journaled: 0, applied: 0, leftOut: 0 };

  assert.deepEqual(found({ reconciler, watchedSince: '2026-11-21T11:55:00.000Z' }), []);
  assert.deepEqual(found({ lastWatchedAt: '2026-11-21T11:00:00.000Z' }), [
    ['watch-silent', 'nothing has been watched since 2026-11-21T11:00:00.000Z'],
  ]);
  assert.deepEqual(found({ lastWatchedAt: '2026-11-21T11:55:00.000Z' }), []);
  assert.deepEqual(found({ lastWatchedAt: null }), []);
});

test('a target that gives no answer, or hoards more than 100 WAL files, is a problem; 100 and "not known" are none', () => {
  const error = { code: 'source-unreachable', message: 'connection refused', hint: '' };

  assert.deepEqual(found({ targets: [{ target: orders, isReachable: false, error, unarchivedWalFiles: null }] }), [
    ['target-unreachable-orders', "'orders' cannot be asked: [source-unreachable] connection refused"],
  ]);
  assert.deepEqual(found({ targets: [{ target: orders, isReachable: true, unarchivedWalFiles: 101 }] }), [
    ['wal-not-archived-orders', "'orders' has 101 WAL files that were not archived"],
  ]);
  for (const unarchivedWalFiles of [100, null])
    assert.deepEqual(found({ targets: [{ target: orders, isReachable: true, unarchivedWalFiles }] }), []);
});

test('what nobody has verified for a fortnight is told where verification is known at all', () => {
  assert.deepEqual(
    found({ verified: [{ target: orders, at: '2026-11-01T00:00:00.000Z' }] }).map(([id]) => id),
    ['not-verified-orders'],
  );
  assert.deepEqual(found({ verified: [{ target: orders, at: '2026-11-15T00:00:00.000Z' }] }), []);
});
