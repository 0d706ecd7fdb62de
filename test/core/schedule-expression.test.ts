import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerCron } from '../../lib/core/schedule-expression.ts';

const cases: Readonly<Record<string, string>> = {
  '0 2 * * *': 'cron(0 2 * * ? *)',
  '0 1 * * 0': 'cron(0 1 ? * 1 *)',
  '0 1 * * 7': 'cron(0 1 ? * 1 *)',
  '0 9 * * 1-5': 'cron(0 9 ? * 2-6 *)',
  '0 9 * * mon,wed': 'cron(0 9 ? * MON,WED *)',
  '0 0 1 * *': 'cron(0 0 1 * ? *)',
  '0 0 1 jan *': 'cron(0 0 1 JAN ? *)',
  '*/15 * * * *': 'cron(0/15 * * * ? *)',
  '0 */4 * * *': 'cron(0 0/4 * * ? *)',
  '0 0 */2 * *': 'cron(0 0 1/2 * ? *)',
  '0 0 * */3 *': 'cron(0 0 * 1/3 ? *)',
  '0 0 * * */2': 'cron(0 0 ? * 1/2 *)',
  '0 3 * * 5L': 'cron(0 3 ? * 6L *)',
  '0 3 * * 1#2': 'cron(0 3 ? * 2#2 *)',
  '0 3 * * 0#1': 'cron(0 3 ? * 1#1 *)',
  '5,35 8-18 L * *': 'cron(5,35 8-18 L * ? *)',
};
for (const [pattern, expression] of Object.entries(cases)) {
  test(`'${pattern}' is '${expression}' to Scheduler`, () => {
    assert.equal(schedulerCron(pattern), expression);
  });
}

test('a day of the month with a day of the week is refused, since Scheduler cannot say either', () => {
  assert.throws(() => schedulerCron('0 0 1 * 1'), { name: 'config-invalid' });
});

test('a range of weekdays that ends on Sunday by its number 7 is written as two', () => {
  assert.equal(schedulerCron('0 9 * * 5-7'), 'cron(0 9 ? * 6-7,1 *)');
});
