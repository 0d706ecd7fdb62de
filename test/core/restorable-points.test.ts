import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { restorablePointOf } from '../../lib/core/restorable-point.ts';
import { type KnownBackup, type KnownRestoreTest, restorablePointsOf } from '../../lib/core/restorable-points.ts';
import type { VerificationStatus } from '../../lib/core/vocabulary.ts';

const objectives = { target: targetNameSchema.parse('orders'), rpoHours: 4, rtoMinutes: 60, verifiedWithinDays: 35 };
const now = new Date('2026-11-21T06:00:00.000Z');

const backup = (day: number, hour: number, verification: VerificationStatus = 'VALIDATED'): KnownBackup => {
  const time = (h: number, minutes: string) => `2026-11-${day}T${String(h).padStart(2, '0')}:${minutes}.000Z`;
  return {
    backupId: backupIdSchema.parse(`202611${day}T${String(hour).padStart(2, '0')}0000Z-00000000`),
    restorablePoint: time(hour, '00:10'),
    endedAt: time(hour, '30:10'),
    verification,
  };
};
const tested = (over: Partial<KnownRestoreTest> = {}): KnownRestoreTest => ({
  validationId: backupIdSchema.parse('20261120T120000Z-00000001'),
  backupId: backup(20, 2).backupId,
  status: 'PASSED',
  endedAt: '2026-11-20T12:20:00.000Z',
  rtoSeconds: 900,
  bytesPerSecond: 50_000_000,
  error: null,
  ...over,
});
const points = (backups: readonly KnownBackup[], lastRestoreTest: KnownRestoreTest | null = tested()) =>
  restorablePointsOf(objectives, { backups, lastRestoreTest }, now);

test('the newest point of a good backup and the newest verified one stand side by side', () => {
  const facts = points([backup(19, 2, 'VERIFIED'), backup(20, 2, 'VERIFIED'), backup(21, 3), backup(21, 5, 'FAILED')]);

  assert.deepEqual(facts, {
    target: 'orders',
    lastBackup: { backupId: '20261121T050000Z-00000000', endedAt: '2026-11-21T05:30:10.000Z', verification: 'FAILED' },
    restorable: { at: '2026-11-21T03:00:10.000Z', backupId: '20261121T030000Z-00000000', ageSeconds: 10_790 },
    verified: { at: '2026-11-20T02:00:10.000Z', backupId: '20261120T020000Z-00000000', ageSeconds: 100_790 },
    lastRestoreTest: tested(),
    rpo: { objectiveSeconds: 14_400, attainedSeconds: 91_800 },
    rto: { objectiveSeconds: 3600, attainedSeconds: 900 },
    late: [],
  });
});

test('a point is the time of the snapshot, so a long run is older than its end', () => {
  assert.equal(points([backup(21, 2)]).restorable?.ageSeconds, 14_390);
});

test('a target without a good backup says so and nothing else', () => {
  for (const backups of [[], [backup(21, 2, 'FAILED')]])
    assert.deepEqual(points(backups, null).late, [
      { code: 'no-backup', message: 'there is no complete backup that is not known to be bad' },
    ]);
});

test('everything that is late is told, with the figure and the objective', () => {
  const facts = points(
    [backup(20, 6)],
    tested({ status: 'FAILED', error: '[corrupt] a bit was flipped', rtoSeconds: 7200 }),
  );

  assert.deepEqual(
    facts.late.map(({ code, message }) => `${code}: ${message}`),
    [
      'restorable-point-late: the newest restorable point is 24.0 h old, and the objective is 4 h',
      'never-verified: no backup has passed a restore test yet',
      'restore-test-failed: the last restore test ended as FAILED: [corrupt] a bit was flipped',
      'rto-missed: the last restore test took 120 min, and the objective is 60 min',
    ],
  );
});

test('a proof that is too old is late although there is a newer backup', () => {
  const old = { ...backup(21, 2, 'VERIFIED'), restorablePoint: '2026-10-01T06:00:00.000Z' };

  assert.deepEqual(
    points([old, backup(21, 5)]).late.map(({ message }) => message),
    ['the last verified restorable point is 1224.0 h old, more than 35 days'],
  );
});

test('a clock that is behind makes no point younger than now', () => {
  assert.equal(points([backup(21, 9)]).restorable?.ageSeconds, 0);
});

test('of several snapshots the oldest counts, and globals and failed streams do not', () => {
  const stream = (kind: string, snapshotAt: string, status = 'complete') => ({ kind, status, facts: { snapshotAt } });
  const streams = [
    stream('globals', '2026-11-21T01:00:00.000Z'),
    stream('database', '2026-11-21T02:00:05.000Z'),
    stream('database', '2026-11-21T02:00:01.000Z'),
    stream('database', '2026-11-21T02:00:00.000Z', 'failed'),
  ];

  assert.equal(
    restorablePointOf({ streams, beganAt: '2026-11-21T01:59:00.000Z' } as never),
    '2026-11-21T02:00:01.000Z',
  );
  assert.equal(
    restorablePointOf({ streams: [], beganAt: '2026-11-21T01:59:00.000Z' } as never),
    '2026-11-21T01:59:00.000Z',
  );
});

test('a log that goes on from a base is the newest point, unless a backup is newer or the base is bad', () => {
  const base = backup(20, 2);
  const along = (at: string, backups: readonly KnownBackup[]) =>
    restorablePointsOf(
      objectives,
      {
        backups,
        lastRestoreTest: null,
        log: { seenAt: '2026-11-21T05:58:00.000Z', point: { at, backupId: base.backupId } },
      },
      now,
    );

  const facts = along('2026-11-21T05:59:50.000Z', [base]);
  assert.deepEqual(facts.restorable, {
    at: '2026-11-21T05:59:50.000Z',
    backupId: '20261120T020000Z-00000000',
    ageSeconds: 10,
  });
  assert.deepEqual(facts.rpo, { objectiveSeconds: 14_400, attainedSeconds: 10 });
  assert.deepEqual(
    facts.late.map(({ code }) => code),
    ['never-verified'],
  );
  const newer = along('2026-11-21T02:00:00.000Z', [base, backup(21, 3)]);
  assert.equal(newer.restorable?.at, '2026-11-21T03:00:10.000Z');
  const bad = along('2026-11-21T05:59:50.000Z', [{ ...base, verification: 'FAILED' }]);
  assert.equal(bad.restorable, null);
  // The base may be older than what is known of the target's backups.
  assert.equal(along('2026-11-21T05:59:50.000Z', []).restorable?.ageSeconds, 10);
});

test('what was proved along the log is restorable, however long ago the watch has looked at the log', () => {
  const proved = { ...backup(21, 3, 'VERIFIED'), verifiedPoint: '2026-11-21T05:40:00.000Z' };

  const facts = points([proved, backup(21, 5)]);

  assert.deepEqual(facts.restorable, { at: proved.verifiedPoint, backupId: proved.backupId, ageSeconds: 1200 });
  assert.deepEqual(facts.verified, facts.restorable);
});

test('what was proved along a log that has lost a segment since is no restorable point, until a restore test proves it again', () => {
  const proved = { ...backup(21, 3, 'VERIFIED'), verifiedPoint: '2026-11-21T05:40:00.000Z' };
  const seen = (point: null | { at: string; backupId: KnownBackup['backupId'] }, endedAt: string) =>
    restorablePointsOf(
      objectives,
      {
        backups: [backup(20, 2), proved],
        lastRestoreTest: tested({ backupId: proved.backupId, endedAt }),
        log: { seenAt: '2026-11-21T05:50:00.000Z', point },
      },
      now,
    );
  const [before, after] = ['2026-11-21T05:45:00.000Z', '2026-11-21T05:55:00.000Z'] as const;

  const lost = seen(null, before);
  assert.deepEqual(lost.restorable, {
    at: '2026-11-21T03:00:10.000Z',
    backupId: '20261121T030000Z-00000000',
    ageSeconds: 10_790,
  });
  assert.equal(lost.verified?.at, '2026-11-21T05:40:00.000Z');
  const shorter = { at: '2026-11-21T05:10:00.000Z', backupId: proved.backupId };
  assert.equal(seen(shorter, before).restorable?.at, '2026-11-21T05:10:00.000Z');
  for (const point of [null, shorter]) assert.equal(seen(point, after).restorable?.at, '2026-11-21T05:40:00.000Z');
});
