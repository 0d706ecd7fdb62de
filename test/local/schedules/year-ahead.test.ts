import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueTimes } from '../../../lib/core/due-times.ts';
import { schedulerCron } from '../../../lib/core/schedule-expression.ts';
import type { NextTime } from '../../../lib/core/wall-clock.ts';
import type { LocalSchedule } from '../../../lib/local/model.ts';
import { parseScheduleExpression } from '../../../lib/local/schedules/schedule-expression.ts';
import { Scheduler } from '../../../lib/local/schedules/scheduler.ts';
import { quartersOf, referenceTimes } from '../../core/wall-clock-reference.ts';
import { manualClock } from './manual-clock.ts';

const from = '2026-11-25T00:00:00.000Z';
const justBefore = new Date('2026-11-24T23:59:59.999Z');
const until = '2027-11-26T00:00:00.000Z';
const lastMoment = new Date('2027-11-25T23:59:59.999Z');

/** Every default of this version, the times around which clocks change, and patterns with steps, ranges and lists. */
const patterns = [
  '0 2 * * *',
  '0 1 * * 0',
  '0 0 1 * *',
  '15 2 * * *',
  '30 2 * * *',
  '45 1 * * *',
  '30 1 * * 0',
  '0 */4 * * *',
  '*/30 * * * *',
  '0 0 29 2 *',
];
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Sao_Paulo'];

for (const timezone of zones) {
  test(`for a year in ${timezone}, what must begin is what Scheduler documents and what the local stack does`, () => {
    const quarters = quartersOf(timezone, from, until);
    for (const cron of patterns) {
      const expected = dueTimes({ cron, timezone }, { after: justBefore, until: lastMoment });
      const next = parseScheduleExpression(schedulerCron(cron), timezone, justBefore);
      const local = followed(next, justBefore, new Date(until));

      const documented = referenceTimes(cron, quarters);
      assert.deepEqual(
        expected.map((due) => due.toISOString()),
        documented,
        cron,
      );
      assert.deepEqual(local, documented, cron);
    }
  });
}

/** From a day before to a day after each change of clocks of the zone. */
const changes = {
  'Europe/Berlin': ['2027-03-28', '2027-10-31'],
  'America/New_York': ['2027-03-14', '2027-11-07'],
  'Australia/Lord_Howe': ['2027-04-04', '2027-10-03'],
} as const;

for (const [timezone, days] of Object.entries(changes)) {
  test(`around the changes of clocks in ${timezone} the running scheduler fires what is documented`, async () => {
    for (const day of days) {
      const start = new Date(Date.parse(day) - 86_400_000).toISOString();
      const end = new Date(Date.parse(day) + 2 * 86_400_000).toISOString();
      const clock = manualClock(new Date(Date.parse(start) - 1).toISOString());
      const fired = new Map<string, string[]>(patterns.map((cron) => [cron, []]));
      const scheduler = new Scheduler({
        schedules: patterns.map((cron) => scheduleOf(cron, timezone)),
        clock,
        fire: async ({ name }, time) => void fired.get(name)?.push(time.replace('Z', '.000Z')),
        onFailure: (_schedule, _input, error) => assert.fail(String(error)),
      });

      clock.moveTo(new Date(Date.parse(end) - 1).toISOString());
      await scheduler.close();

      const quarters = quartersOf(timezone, start, end);
      for (const cron of patterns) assert.deepEqual(fired.get(cron), referenceTimes(cron, quarters), `${cron} ${day}`);
    }
  });
}

function followed(next: NextTime, after: Date, until: Date): string[] {
  const found: string[] = [];
  for (let due = next(after); due !== undefined && due < until; due = next(due)) found.push(due.toISOString());
  return found;
}

const scheduleOf = (cron: string, timezone: string): LocalSchedule => ({
  origin: { stack: 'Year', logicalId: 'Ahead' },
  name: cron,
  group: 'default',
  expression: schedulerCron(cron),
  timezone,
  isEnabled: true,
  targetArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:year',
  roleArn: 'arn:aws:iam::000000000000:role/year',
  input: '<aws.scheduler.scheduled-time>',
  retryAttempts: 0,
  maximumEventAgeSeconds: 60,
  deadLetterArn: undefined,
});
