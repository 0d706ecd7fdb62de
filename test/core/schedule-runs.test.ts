import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSkippedWhenClocksGoForward, longestGapHours } from '../../lib/core/schedule-runs.ts';

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
