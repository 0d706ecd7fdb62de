import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { type ScheduleChanged, scheduleOperation, schedulesInForce } from '../../lib/core/schedules.ts';

const entry = {
  name: 'orders-daily-logical',
  target: targetNameSchema.parse('orders'),
  engine: 'postgres',
  method: 'logical',
  tier: 'daily',
  cron: '0 2 * * *',
  timezone: 'UTC',
  retentionDays: 7,
  enabled: true,
  tenant: null,
} as const;
const change = (at: string, set: ScheduleChanged['set'], name: string = entry.name): ScheduleChanged => ({
  event: 'schedule-changed',
  operation: scheduleOperation(name),
  at,
  tenant: null,
  schedule: name,
  change: at,
  set,
  requestedBy: { kind: 'user', name: 'anna' },
});
const inForce = (...changes: ScheduleChanged[]) => {
  const [state] = schedulesInForce([entry], changes);
  return [state?.cron, state?.timezone, state?.enabled, state?.changed?.at ?? null];
};

test('what was set stands beside what was set later of other kinds, in whatever order the changes are read', () => {
  const moved = change('2026-11-21T10:00:00.000Z', { cron: '0 3 * * *' });
  const zoned = change('2026-11-21T11:00:00.000Z', { timezone: 'Europe/Berlin' });
  const again = change('2026-11-21T12:00:00.000Z', { cron: '0 4 * * *', enabled: false });

  const expected = ['0 4 * * *', 'Europe/Berlin', false, '2026-11-21T12:00:00.000Z'];
  assert.deepEqual(inForce(moved, zoned, again), expected);
  assert.deepEqual(inForce(again, moved, zoned), expected);
});

test('a reset brings back what is configured now, and later changes begin from there', () => {
  const moved = change('2026-11-21T10:00:00.000Z', { cron: '0 3 * * *', enabled: false });
  const reset = change('2026-11-21T11:00:00.000Z', 'as-configured');
  const zoned = change('2026-11-21T12:00:00.000Z', { timezone: 'Asia/Kolkata' });

  assert.deepEqual(inForce(moved, reset), ['0 2 * * *', 'UTC', true, null]);
  assert.deepEqual(inForce(moved, reset, zoned), ['0 2 * * *', 'Asia/Kolkata', true, '2026-11-21T12:00:00.000Z']);
});

test('a change of another schedule, or of one that is not configured any more, has no effect', () => {
  assert.deepEqual(inForce(change('2026-11-21T10:00:00.000Z', { enabled: false }, 'stock-daily-logical')), [
    '0 2 * * *',
    'UTC',
    true,
    null,
  ]);
});

test('all changes of a schedule are events of one operation, which sorts before every other', () => {
  assert.equal(scheduleOperation('orders-daily-logical'), '19700101T000000Z-a17908cc');
  assert.notEqual(scheduleOperation('orders-weekly-logical'), scheduleOperation('orders-daily-logical'));
});
