import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestorablePoints } from '../../../lib/wal/receiver/points.ts';

const at = (seconds: number): Date => new Date(Date.parse('2026-11-26T12:00:00Z') + seconds * 1000);
const sample = (lsn: bigint, seconds: number) => ({ lsn, at: at(seconds), isStandby: false });

test('a time is restorable when all that was written by then is durable', () => {
  const points = new RestorablePoints();

  points.add(sample(100n, 0), at(0));
  points.durable(99n);
  assert.equal(points.restorable, undefined);
  points.add(sample(100n, 5), at(5));
  points.durable(100n);
  assert.deepEqual(points.restorable, at(5));
});

test('lag is the age of the oldest that is not durable, and of a server that is silent for a minute its silence', () => {
  const points = new RestorablePoints();
  points.add(sample(100n, 0), at(0));
  points.durable(100n);

  assert.deepEqual(points.lag(100n, at(60)), { bytes: 0, seconds: 0 });
  assert.deepEqual(points.lag(100n, at(61)), { bytes: 0, seconds: 61 });
  points.add(sample(150n, 70), at(70));
  assert.deepEqual(points.lag(100n, at(75)), { bytes: 50, seconds: 5 });
});

test('samples of one log say nothing of another, whose positions may be lower', () => {
  const points = new RestorablePoints();
  points.add(sample(100n, 0), at(0));
  points.durable(100n);
  points.add(sample(900n, 1), at(1));

  points.begin(at(10), undefined);
  assert.equal(points.restorable, undefined);
  points.add(sample(50n, 15), at(15));
  points.durable(50n);

  assert.deepEqual(points.restorable, at(15));
});
