import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSkippedWhenClocksGoForward, lastDue, longestGapHours } from '../../lib/core/schedule-runs.ts';

test('a daily backup is 25 hours apart on the day on which clocks go back', () => {
  assert.equal(longestGapHours({ schedule: '0 2 * * *', timezone: 'Europe/Berlin' }), 25);
  assert.equal(longestGapHours({ schedule: '0 2 * * *', timezone: 'UTC' }), 24);
});

test('a backup on working days is three days apart over the weekend', () => {
  assert.equal(longestGapHours({ schedule: '0 2 * * 1-5', timezone: 'UTC' }), 72);
});

test('a monthly backup is as far apart as the longest month', () => {
  assert.equal(longestGapHours({ schedule: '0 0 1 * *', timezone: 'UTC' }), 744);
});

test('a run at 02:00 in Berlin is left out once a year, at 04:00 or in UTC it is not', () => {
  assert.equal(isSkippedWhenClocksGoForward({ schedule: '0 2 * * *', timezone: 'Europe/Berlin' }), true);
  assert.equal(isSkippedWhenClocksGoForward({ schedule: '0 4 * * *', timezone: 'Europe/Berlin' }), false);
  assert.equal(isSkippedWhenClocksGoForward({ schedule: '0 2 * * *', timezone: 'UTC' }), false);
});

const lastDueAt = (schedule: string, timezone: string, until: string): string | undefined =>
  lastDue({ schedule, timezone }, new Date(until))?.toISOString();

test('the last time that was due is at or before the moment that is asked for', () => {
  assert.equal(lastDueAt('0 2 * * *', 'UTC', '2026-11-21T02:00:00Z'), '2026-11-21T02:00:00.000Z');
  assert.equal(lastDueAt('0 2 * * *', 'UTC', '2026-11-21T01:59:59Z'), '2026-11-20T02:00:00.000Z');
  assert.equal(lastDueAt('0 1 * * 0', 'UTC', '2026-11-21T02:00:00Z'), '2026-11-15T01:00:00.000Z');
});

test('a time that clocks leap over was not due, wherever they leap', () => {
  assert.equal(lastDueAt('30 2 * * *', 'Europe/Berlin', '2026-03-29T12:00:00Z'), '2026-03-28T01:30:00.000Z');
  assert.equal(lastDueAt('0 2 * * *', 'Australia/Lord_Howe', '2026-10-04T12:00:00Z'), '2026-10-02T15:30:00.000Z');
});

test('of a time that comes twice the first was due', () => {
  assert.equal(lastDueAt('30 2 * * *', 'Europe/Berlin', '2026-10-25T12:00:00Z'), '2026-10-25T00:30:00.000Z');
  assert.equal(lastDueAt('30 1 * * *', 'America/New_York', '2026-11-01T12:00:00Z'), '2026-11-01T05:30:00.000Z');
  assert.equal(lastDueAt('45 1 * * *', 'Australia/Lord_Howe', '2026-04-05T12:00:00Z'), '2026-04-04T14:45:00.000Z');
});

test('a daily backup is due once on each day of a year, but for the night that has no such hour', () => {
  const due = new Set<string>();
  for (let hour = 0; hour < 365 * 24; hour += 6) {
    const at = lastDueAt('30 2 * * *', 'Europe/Berlin', new Date(Date.UTC(2026, 0, 2, hour)).toISOString());
    if (at !== undefined) due.add(at);
  }

  assert.equal(due.size, 365);
  assert.equal([...due].filter((at) => at.startsWith('2026-03-29')).length, 0);
});
