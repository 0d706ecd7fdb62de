import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseScheduleExpression } from '../../../lib/local/schedules/schedule-expression.ts';

function times(expression: string, timezone: string, from: string, count = 3): string[] {
  const next = parseScheduleExpression(expression, timezone, new Date('2026-01-01T00:00:00Z'));
  const found: string[] = [];
  for (let after: Date | undefined = new Date(from); found.length < count; ) {
    after = next(after);
    if (after === undefined) return found;
    found.push(after.toISOString().replace('.000Z', 'Z'));
  }
  return found;
}

test('a time that daylight saving leaps over in Berlin is skipped', () => {
  assert.deepEqual(times('cron(30 2 * * ? *)', 'Europe/Berlin', '2026-03-27T12:00:00Z'), [
    '2026-03-28T01:30:00Z',
    '2026-03-30T00:30:00Z',
    '2026-03-31T00:30:00Z',
  ]);
});

test('a time that comes twice in Berlin fires once, at the first', () => {
  assert.deepEqual(times('cron(30 2 * * ? *)', 'Europe/Berlin', '2026-10-24T12:00:00Z'), [
    '2026-10-25T00:30:00Z',
    '2026-10-26T01:30:00Z',
    '2026-10-27T01:30:00Z',
  ]);
});

test('weekdays count from Sunday as 1, and steps may have a beginning only', () => {
  const friday = '2026-11-20T12:00:00Z';
  const weekdays = ['2026-11-23T02:00:00Z', '2026-11-24T02:00:00Z', '2026-11-25T02:00:00Z'];

  assert.deepEqual(times('cron(0 2 ? * 2-6 *)', 'UTC', friday), weekdays);
  assert.deepEqual(times('cron(0 2 ? * MON-FRI *)', 'UTC', friday), weekdays);
  assert.deepEqual(times('cron(0 2 ? * 1 *)', 'UTC', friday, 1), ['2026-11-22T02:00:00Z']);
  assert.deepEqual(times('cron(0 2 ? * 6L *)', 'UTC', friday, 2), ['2026-11-27T02:00:00Z', '2026-12-25T02:00:00Z']);
  assert.deepEqual(times('cron(5/20 4 * * ? *)', 'UTC', friday, 3), [
    '2026-11-21T04:05:00Z',
    '2026-11-21T04:25:00Z',
    '2026-11-21T04:45:00Z',
  ]);
});

test('the last day of a month, and years, are understood', () => {
  assert.deepEqual(times('cron(0 2 L * ? *)', 'UTC', '2027-02-01T00:00:00Z', 2), [
    '2027-02-28T02:00:00Z',
    '2027-03-31T02:00:00Z',
  ]);
  assert.deepEqual(times('cron(0 2 1 1 ? 2027-2028)', 'UTC', '2026-11-20T12:00:00Z'), [
    '2027-01-01T02:00:00Z',
    '2028-01-01T02:00:00Z',
  ]);
});

test('a rate counts from the start, and a single time fires once', () => {
  assert.deepEqual(times('rate(15 minutes)', 'UTC', '2026-11-20T12:01:00Z', 2), [
    '2026-11-20T12:15:00Z',
    '2026-11-20T12:30:00Z',
  ]);
  assert.deepEqual(times('at(2026-12-01T02:00:00)', 'Europe/Berlin', '2026-11-20T12:00:00Z'), ['2026-12-01T01:00:00Z']);
});

test('an expression that Scheduler would refuse is refused, quoted', () => {
  for (const expression of [
    'cron(0 2 * * *)',
    'cron(0 2 * * * *)',
    'cron(0 2 ? * ? *)',
    'rate(1 week)',
    'nightly',
    'cron(99 2 * * ? *)',
  ])
    assert.throws(() => parseScheduleExpression(expression, 'UTC', new Date(0)), {
      name: 'assembly-unsupported',
      message: new RegExp(`'${expression.replaceAll(/[()*?]/g, '\\$&')}'`),
    });
});
