import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueTimes, lastDue } from '../../lib/core/due-times.ts';

const after = (cron: string, timezone: string, from: string, limit = 3): string[] =>
  dueTimes({ cron, timezone }, { after: new Date(from), limit }).map((due) =>
    due.toISOString().replace(':00.000Z', 'Z'),
  );

test('a time that clocks leap over is no time at which a run must begin', () => {
  assert.deepEqual(after('30 2 * * *', 'America/New_York', '2027-03-13T00:00:00Z'), [
    '2027-03-13T07:30Z',
    '2027-03-15T06:30Z',
    '2027-03-16T06:30Z',
  ]);
  assert.deepEqual(after('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T00:00:00Z'), [
    '2026-10-02T15:45Z',
    '2026-10-04T15:15Z',
    '2026-10-05T15:15Z',
  ]);
});

test('of an hour that comes twice only the first counts, for a frequent schedule too', () => {
  assert.deepEqual(after('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:40:00Z', 5), [
    '2026-10-25T00:00Z',
    '2026-10-25T00:30Z',
    '2026-10-25T02:00Z',
    '2026-10-25T02:30Z',
    '2026-10-25T03:00Z',
  ]);
  assert.deepEqual(after('45 1 * * *', 'Australia/Lord_Howe', '2027-04-03T00:00:00Z', 2), [
    '2027-04-03T14:45Z',
    '2027-04-04T15:15Z',
  ]);
});

test('the last time at which a run must have begun is found however long ago it was', () => {
  const last = (cron: string, timezone: string, at: string) => lastDue({ cron, timezone }, new Date(at))?.toISOString();

  assert.equal(last('0 2 * * *', 'UTC', '2026-11-21T02:00:00Z'), '2026-11-21T02:00:00.000Z');
  assert.equal(last('0 2 * * *', 'UTC', '2026-11-21T01:59:59Z'), '2026-11-20T02:00:00.000Z');
  assert.equal(last('30 2 * * *', 'Europe/Berlin', '2027-03-28T12:00:00Z'), '2027-03-27T01:30:00.000Z');
  assert.equal(last('0 0 1 * *', 'Asia/Kolkata', '2026-11-21T02:00:00Z'), '2026-10-31T18:30:00.000Z');
  assert.equal(last('0 0 29 2 *', 'UTC', '2026-11-21T02:00:00Z'), '2024-02-29T00:00:00.000Z');
  assert.equal(last('0 0 30 2 *', 'UTC', '2026-11-21T02:00:00Z'), undefined);
});

const lastDueAt = (cron: string, timezone: string, until: string): string | undefined =>
  lastDue({ cron, timezone }, new Date(until))?.toISOString();

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
