import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecoveryPoint } from '../../lib/core/recovery-point.ts';
import { requireReached } from '../../lib/core/require-reached.ts';

const log = {
  ...{ timeline: 1, segments: 3, first: 'a', last: 'c', bytes: 50_331_648 },
  ...{ reachable: '0/5000100', lastSegmentFrom: '0/5000000' },
};
const reached = (over: object = {}) => ({
  ...{ timeline: 2, position: '0/5000080', at: '2026-11-21T14:05:59.123Z' },
  ...over,
});
const elsewhere = (message: RegExp) => ({ code: 'point-unreachable', message });

test('a time is reached when the last transaction is not after it, to the millisecond that is known', () => {
  const to = (value: string): RecoveryPoint => ({ kind: 'time', value });

  requireReached(to('2026-11-21T14:06:00.000Z'), reached(), log);
  requireReached(to('2026-11-21T14:05:59.123456Z'), reached(), log);
  requireReached(to('2026-11-21T15:06:00+01:00'), reached(), log);
  requireReached(to('2026-11-21T14:00:00.000Z'), reached({ at: null }), log);
  assert.throws(
    () => requireReached(to('2026-11-21T14:05:59.122Z'), reached(), log),
    elsewhere(/^time 2026-11-21T14:05:59\.122Z was not reached: its last transaction is of 2026-11-21T14:05:59\.123Z$/),
  );
});

test('a position is reached when the recovery ends there or after its record', () => {
  requireReached({ kind: 'lsn', value: '0/5000080' }, reached(), log);
  requireReached({ kind: 'lsn', value: '0/5000081', isExclusive: true }, reached(), log);
  assert.throws(
    () => requireReached({ kind: 'lsn', value: '0/5000081' }, reached(), log),
    elsewhere(/^LSN 0\/5000081 was not reached: it ends at 0\/5000080$/),
  );
});

test('the latest point lies in the last segment that was planned, or beyond', () => {
  requireReached({ kind: 'latest' }, reached(), log);
  requireReached(null, reached({ position: '1/0' }), log);
  assert.throws(
    () => requireReached(null, reached({ position: '0/4FFFFFF' }), log),
    elsewhere(/^the latest point was not reached: it ends at 0\/4FFFFFF, and the log went to 0\/5000100/),
  );
});

test('who asked for a point and got none has not got it', () => {
  requireReached(null, undefined, null);
  requireReached({ kind: 'immediate' }, undefined, null);
  assert.throws(
    () => requireReached({ kind: 'name', value: 'release' }, undefined, log),
    elsewhere(/^restore point 'release' was asked for, and no log was applied$/),
  );
});
