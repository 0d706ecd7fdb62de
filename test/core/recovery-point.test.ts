import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedPoint, describePoint, isBefore } from '../../lib/core/recovery-point.ts';

test('a point is named in one of five ways, or not at all', () => {
  assert.deepEqual(askedPoint({ toTime: '2026-11-21T02:00:00Z' }), { kind: 'time', value: '2026-11-21T02:00:00.000Z' });
  assert.deepEqual(askedPoint({ toTime: '2026-11-21 02:00:00.123456+01:00', exclusive: true }), {
    ...{ kind: 'time', value: '2026-11-21T01:00:00.123456Z' },
    isExclusive: true,
  });
  assert.deepEqual(askedPoint({ toLsn: '16/B374D848' }), { kind: 'lsn', value: '16/B374D848' });
  assert.deepEqual(askedPoint({ toName: 'before the release' }), { kind: 'name', value: 'before the release' });
  assert.deepEqual(askedPoint({ toTransaction: '48213' }), { kind: 'transaction', value: '48213' });
  assert.deepEqual(askedPoint({ toLatest: true }), { kind: 'latest' });
  assert.equal(askedPoint({}), undefined);
  assert.equal(describePoint({ kind: 'name', value: 'x' }), "restore point 'x'");
});

test('what names no point, or several, is refused', () => {
  for (const asked of [
    { toTime: '2026-11-21 02:00:00' },
    { toTime: 'yesterday' },
    { toLsn: '12345' },
    { toTransaction: 'all' },
    { toTime: '2026-11-21T02:00:00Z', toLatest: true },
    { exclusive: true },
    { toName: 'x', exclusive: true },
  ])
    assert.throws(() => askedPoint(asked), { code: 'usage' }, JSON.stringify(asked));
});

test('positions are compared as numbers', () => {
  assert.equal(isBefore('0/FF', '0/100'), true);
  assert.equal(isBefore('9/0', 'A/0'), true);
  assert.equal(isBefore('A/0', '9/FFFFFFFF'), false);
  assert.equal(isBefore('1/0', '1/0'), false);
});
