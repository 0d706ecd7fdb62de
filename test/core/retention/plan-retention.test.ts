import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetName } from '../../../lib/core/ids.ts';
import type { BackupFacts } from '../../../lib/core/retention/facts.ts';
import { inDeletionOrder, planRetention } from '../../../lib/core/retention/plan-retention.ts';
import type { RetentionPolicy } from '../../../lib/core/retention/policy.ts';
import { backupAt, orders, plainPolicy } from './facts.ts';

const plan = (backups: readonly BackupFacts[], now: string, over: Partial<RetentionPolicy> = {}) =>
  planRetention({
    backups,
    policies: new Map([[orders, { ...plainPolicy, ...over }]]),
    otherwise: plainPolicy,
    now: new Date(now),
  });
const told = (...given: Parameters<typeof plan>): string[] =>
  plan(...given).map(({ backup, verdict, reason }) => `${verdict} ${backup.id.slice(0, 8)}: ${reason}`);
const gone = (...given: Parameters<typeof plan>): string[] =>
  plan(...given).flatMap(({ backup, verdict }) => (verdict === 'delete' ? [backup.id.slice(0, 8)] : []));
/** Backups of these days, all at 02:00. */
const days = (...which: string[]): BackupFacts[] => which.map((day) => backupAt(`${day}T02:00:00Z`));

test('a backup goes when its time is over and something newer is there', () => {
  assert.deepEqual(told(days('2026-11-01', '2026-11-09', '2026-11-10'), '2026-11-12T06:00:00Z'), [
    'delete 20261101: daily: was kept until 2026-11-08, and nothing needs it any more',
    'keep 20261109: daily: kept until 2026-11-16',
    'keep 20261110: daily: kept until 2026-11-17',
  ]);
});

test('the newest complete backup stays however old it is, and failures after it do not take its place', () => {
  const backups = [
    ...days('2025-01-01', '2025-01-02'),
    backupAt('2025-01-03T02:00:00Z', { status: 'partial' }),
    backupAt('2025-01-04T02:00:00Z', { status: 'unproved' }),
    backupAt('2025-01-05T02:00:00Z', { verification: 'FAILED' }),
  ];

  assert.deepEqual(told(backups, '2026-11-12T06:00:00Z').slice(1, 2), [
    "keep 20250102: the newest complete logical backup of 'orders'",
  ]);
  assert.deepEqual(gone(backups, '2026-11-12T06:00:00Z'), ['20250101', '20250103', '20250104', '20250105']);
});

test('the newest backup that was proved by a restore stays beside newer ones that were not', () => {
  const backups = [
    backupAt('2025-01-01T02:00:00Z', { verification: 'VERIFIED' }),
    backupAt('2025-01-02T02:00:00Z', { verification: 'VERIFIED' }),
    backupAt('2025-01-03T02:00:00Z'),
    backupAt('2025-01-04T02:00:00Z', { verification: 'PENDING' }),
  ];

  assert.deepEqual(told(backups, '2026-11-12T06:00:00Z'), [
    'delete 20250101: daily: was kept until 2025-01-08, and nothing needs it any more',
    "keep 20250102: the newest verified logical backup of 'orders'",
    'delete 20250103: daily: was kept until 2025-01-10, and nothing needs it any more',
    "keep 20250104: the newest complete logical backup of 'orders'",
  ]);
});

test('where nothing is complete, the newest part is better than nothing', () => {
  const backups = [
    backupAt('2025-01-01T02:00:00Z', { status: 'partial' }),
    backupAt('2025-01-02T02:00:00Z', { status: 'partial' }),
  ];

  assert.deepEqual(gone(backups, '2026-11-12T06:00:00Z'), ['20250101']);
});

test('each target has a floor of its own, and one that is no longer configured too', () => {
  const other = 'left-behind' as TargetName;
  const backups = [
    ...days('2025-01-01', '2025-01-02'),
    backupAt('2024-01-01T02:00:00Z', { target: other }),
    backupAt('2024-01-02T02:00:00Z', { target: other }),
  ];

  assert.deepEqual(gone(backups, '2026-11-12T06:00:00Z'), ['20250101', '20240101']);
});

test('a hold keeps a backup with all that it builds on, and says who asked for it', () => {
  const full = backupAt('2025-01-01T02:00:00Z');
  const child = backupAt('2025-01-01T06:00:00Z', {
    parent: full.id,
    hold: { since: '2025-01-02T08:00:00Z', by: 'anna', reason: 'case 4711' },
  });

  assert.deepEqual(told([full, child, ...days('2026-11-10')], '2026-11-12T06:00:00Z').slice(0, 2), [
    `keep 20250101: '${child.id}' builds on it, and is kept`,
    "keep 20250101: held since 2025-01-02 by 'anna': case 4711",
  ]);
});

test('what the store has locked is not tried', () => {
  const locked = backupAt('2025-01-01T02:00:00Z', { lockedUntil: '2026-12-01T00:00:00Z' });

  assert.deepEqual(
    told([locked, ...days('2026-11-10')], '2026-11-12T06:00:00Z')[0],
    'keep 20250101: locked by the store until 2026-12-01',
  );
  assert.deepEqual(gone([locked, ...days('2026-11-10')], '2026-12-01T06:00:00Z'), ['20250101']);
});

test('a backup whose parent is kept for nobody else goes before it, and newer ones first', () => {
  const full = backupAt('2025-01-01T02:00:00Z');
  const first = backupAt('2025-01-01T06:00:00Z', { parent: full.id });
  const second = backupAt('2025-01-01T10:00:00Z', { parent: first.id });
  // Its clock was behind: by its times it is older than its parent.
  const odd = backupAt('2024-12-31T10:00:00Z', { parent: full.id });
  const decisions = plan([full, odd, first, second, ...days('2026-11-10')], '2026-11-12T06:00:00Z');

  assert.deepEqual(
    inDeletionOrder(decisions).map(({ backup }) => backup.id),
    [second.id, first.id, odd.id, full.id],
  );
});

test('a backup whose parent is gone is no floor, because it cannot be restored', () => {
  const full = backupAt('2025-01-01T02:00:00Z');
  const orphan = backupAt('2025-01-02T02:00:00Z', { parent: '20241231T020000Z-00000001' as never });

  assert.deepEqual(gone([full, orphan], '2026-11-12T06:00:00Z'), ['20250102']);
});

test('the last backup of each of the newest periods stays, in days, ISO weeks, months and years of UTC', () => {
  const backups = [
    ...days('2024-06-01', '2025-12-28', '2025-12-31', '2026-10-30', '2026-11-01', '2026-11-02'),
    backupAt('2026-11-02T23:59:59Z'),
    backupAt('2026-11-03T00:00:00Z', { status: 'partial' }),
  ];
  const keep = { last: 0, daily: 1, weekly: 2, monthly: 2, yearly: 3 };

  assert.deepEqual(told(backups, '2027-03-01T06:00:00Z', { keep, floor: 1 }), [
    'keep 20240601: the last of year 2024, one of 3 to keep',
    'delete 20251228: daily: was kept until 2026-01-04, and nothing needs it any more',
    'keep 20251231: the last of year 2025, one of 3 to keep',
    'keep 20261030: the last of month 2026-10, one of 2 to keep',
    'keep 20261101: the last of week 2026-W44, one of 2 to keep',
    'delete 20261102: daily: was kept until 2026-11-09, and nothing needs it any more',
    "keep 20261102: the newest complete logical backup of 'orders'",
    'delete 20261103: daily: was kept until 2026-11-10, and nothing needs it any more',
  ]);
});

test('the last few stay', () => {
  const keep = { last: 2, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

  assert.deepEqual(gone(days('2025-01-01', '2025-01-02', '2025-01-03'), '2026-11-12T06:00:00Z', { keep }), [
    '20250101',
  ]);
});

test('a point-in-time window needs the newest base that was complete when it begins, and everything after', () => {
  const backups = days('2026-10-01', '2026-10-20', '2026-10-29', '2026-11-01');
  const window = { days: 14, methods: ['logical'] as const };

  // The window begins while the backup of the 29th is being taken.
  assert.deepEqual(told(backups, '2026-11-12T02:05:00Z', { window }), [
    'delete 20261001: daily: was kept until 2026-10-08, and nothing needs it any more',
    'keep 20261020: needed to restore to any time since 2026-10-29',
    'keep 20261029: needed to restore to any time since 2026-10-29',
    'keep 20261101: needed to restore to any time since 2026-10-29',
  ]);
});

test('while no base is as old as the window is long, all of it stays', () => {
  const window = { days: 60, methods: ['logical'] as const };

  assert.deepEqual(gone(days('2026-10-01', '2026-10-20', '2026-11-01'), '2026-11-12T06:00:00Z', { window }), []);
});

test('a longer retention that is configured later holds for what was taken before, a shorter one does not', () => {
  const backups = days('2026-11-01', '2026-11-10');

  assert.deepEqual(gone(backups, '2026-11-12T06:00:00Z', { days: { ...plainPolicy.days, daily: 30 } }), []);
  assert.deepEqual(gone(backups, '2026-11-12T06:00:00Z', { days: { ...plainPolicy.days, daily: 1 } }), ['20261101']);
  assert.deepEqual(gone(backups, '2026-11-06T06:00:00Z', { days: { ...plainPolicy.days, daily: 1 } }), []);
});

test('a writer whose clock was a year behind does not have its backup removed at once', () => {
  const behind = backupAt('2025-11-11T02:00:00Z', { writtenAt: '2026-11-11T02:10:00Z' });

  assert.deepEqual(
    told([behind, ...days('2026-11-10')], '2026-11-12T06:00:00Z')[0],
    'keep 20251111: daily: kept until 2026-11-18',
  );
});

test('a backup from the future stays, and is nobody’s replacement', () => {
  const future = backupAt('2031-01-01T02:00:00Z');

  assert.deepEqual(told([...days('2025-01-01', '2025-01-02'), future], '2026-11-12T06:00:00Z'), [
    'delete 20250101: daily: was kept until 2025-01-08, and nothing needs it any more',
    "keep 20250102: the newest complete logical backup of 'orders'",
    'keep 20310101: taken at 2031-01-01T02:10:00.000Z, which is yet to come: is a clock wrong?',
  ]);
});

test('rules that would keep nothing are refused', () => {
  const nothing: readonly [Partial<RetentionPolicy>, RegExp][] = [
    [{ floor: 0 }, /would keep nothing: its floor is 0/],
    [{ floor: 0.5 }, /its floor is 0.5/],
    [{ days: { ...plainPolicy.days, compliance: 0 } }, /tier 'compliance' is kept 0 days/],
    [{ keep: { ...plainPolicy.keep, daily: -1 } }, /keep.daily is -1/],
    [{ window: { days: 0, methods: [] } }, /its window is 0 days/],
  ];

  for (const [policy, message] of nothing) {
    assert.throws(() => plan(days('2025-01-01'), '2026-11-12T06:00:00Z', policy), { code: 'config-invalid', message });
  }
});

test('a circle of parents is a broken chain, and no endless one', () => {
  const a = backupAt('2025-01-01T02:00:00Z', { parent: '20250102T020000Z-00000001' as never });
  const b = backupAt('2025-01-02T02:00:00Z', { parent: a.id });

  assert.deepEqual(told([a, b], '2026-11-12T06:00:00Z'), [
    `keep 20250101: '${b.id}' builds on it, and is kept`,
    "keep 20250102: there is no complete logical backup of 'orders', and nothing newer",
  ]);
});

test('a base stays as long as something of another method builds on it, and goes with the last of those', () => {
  const base = backupAt('2026-11-01T02:00:00Z', { method: 'base' });
  const first = backupAt('2026-11-02T02:00:00Z', { method: 'incremental', parent: base.id });
  const second = backupAt('2026-11-09T02:00:00Z', { method: 'incremental', parent: first.id });
  const newBase = backupAt('2026-11-10T02:00:00Z', { method: 'base' });
  const third = backupAt('2026-11-11T02:00:00Z', { method: 'incremental', parent: newBase.id });
  const backups = [base, first, second, newBase, third];

  assert.deepEqual(told(backups, '2026-11-12T06:00:00Z').slice(0, 3), [
    `keep 20261101: '${second.id}' builds on it, and is kept`,
    `keep 20261102: '${second.id}' builds on it, and is kept`,
    'keep 20261109: daily: kept until 2026-11-16',
  ]);
  assert.deepEqual(gone(backups, '2026-11-16T06:00:00Z'), ['20261101', '20261102', '20261109']);
});
