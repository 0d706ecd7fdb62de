import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProblems } from '../../lib/core/find-problems.ts';
import type { BackupId } from '../../lib/core/ids.ts';
import type { WalFacts } from '../../lib/core/wal-problems.ts';
import { newestBackup, noon, orders, ordersSeries, well } from './watch-facts.ts';

const backupId = '20261121T020001Z-9f3c2a1b' as BackupId;
const series = [{ ...ordersSeries, method: 'base' as const, newest: newestBackup, rpoHours: 4 }];
const reach = { backupId, systemIdentifier: '7434001122334455667', timeline: 1, lsn: '0/5000000' };

/** What is said of the objective of a target whose log is received. */
const said = (log: Pick<WalFacts, 'rpoHours'> & Partial<WalFacts>, facts: Partial<typeof well> = {}) =>
  findProblems({ ...well, series, ...facts, logs: [{ target: orders, state: null, gaps: [], ...log }] }, noon)
    .filter(({ kind }) => kind === 'rpo-exceeded')
    .map(({ id, message }) => [id, message]);

test('a log that goes on from a base backup meets an objective that no schedule of backups could', () => {
  const point = '2026-11-21T11:59:50.000Z';

  assert.deepEqual(said({ rpoHours: 4, reach: { ...reach, point } }), []);
  assert.deepEqual(said({ rpoHours: 5 / 60, reach: { ...reach, point } }), []);
});

test('a log that has stopped is told as soon as its end is older than the objective', () => {
  const point = '2026-11-21T11:54:00.000Z';

  assert.deepEqual(said({ rpoHours: 5 / 60, reach: { ...reach, point } }), [
    [
      'rpo-exceeded-orders',
      "the last point to which 'orders' can be restored is 6 minutes old; its objective is 5 minutes",
    ],
  ]);
});

test('a log with a hole counts for nothing beyond the newest backup', () => {
  assert.deepEqual(said({ rpoHours: 4, reach: null }), [
    [
      'rpo-exceeded-orders',
      "the last point to which 'orders' can be restored is 10 hours old; its objective is 4 hours, and its log is not known to go on from a base backup to where it is received",
    ],
  ]);
  assert.deepEqual(said({ rpoHours: 12, reach: null }), []);
});

test('definitions alone are no point, and a target without a backup has none to be late with', () => {
  const definitions = [{ ...ordersSeries, method: 'schema' as const, newest: newestBackup }];

  assert.deepEqual(said({ rpoHours: 1 }, { series: definitions }), []);
  assert.deepEqual(said({ rpoHours: 1 }, { series: [{ ...ordersSeries, newest: null }] }), []);
});
