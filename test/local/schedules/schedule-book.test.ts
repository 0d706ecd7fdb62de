import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LocalSchedule } from '../../../lib/local/model.ts';
import { ScheduleBook, type ScheduleDefinition } from '../../../lib/local/schedules/schedule-book.ts';

const nightly: LocalSchedule = {
  origin: { stack: 'Toy', logicalId: 'Nightly' },
  name: 'nightly',
  group: 'toys',
  expression: 'cron(0 2 * * ? *)',
  timezone: 'UTC',
  isEnabled: true,
  targetArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:toy',
  roleArn: 'arn:aws:iam::000000000000:role/toy',
  input: '{}',
  retryAttempts: 3,
  maximumEventAgeSeconds: 3600,
  deadLetterArn: 'arn:aws:sqs:eu-central-1:000000000000:toy',
};
const definition = ({
  origin: _,
  name: __,
  group: ___,
  deadLetterArn,
  ...rest
}: LocalSchedule): ScheduleDefinition => ({
  ...rest,
  ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
});

function book(stateDirectory: string, schedules: readonly LocalSchedule[] = [nightly]) {
  const told: string[] = [];
  return {
    told,
    book: new ScheduleBook({ schedules, stateDirectory, onUpdate: ({ expression }) => told.push(expression) }),
  };
}

test('an update replaces the definition whole, is told at once, and survives a restart until the template changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-book-'));
  try {
    const first = book(folder);
    first.book.update('toys', 'nightly', {
      ...definition({ ...nightly, deadLetterArn: undefined }),
      expression: 'cron(0 3 * * ? *)',
      isEnabled: false,
    });

    const again = book(folder).book.find('toys', 'nightly');
    const elsewhere = book(folder, [{ ...nightly, origin: { stack: 'Toy', logicalId: 'Renamed' } }]).book;
    const deployed = book(folder, [{ ...nightly, expression: 'cron(0 5 * * ? *)' }]).book.find('toys', 'nightly');

    assert.deepEqual(first.told, ['cron(0 3 * * ? *)']);
    assert.deepEqual(again, {
      ...nightly,
      expression: 'cron(0 3 * * ? *)',
      isEnabled: false,
      deadLetterArn: undefined,
    });
    assert.equal(elsewhere.find('toys', 'nightly').expression, 'cron(0 3 * * ? *)');
    assert.equal(deployed.expression, 'cron(0 5 * * ? *)');
    assert.equal(deployed.isEnabled, true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a schedule that is not there, and times that nobody understands, are refused as Scheduler does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-book-'));
  try {
    const { book: toys, told } = book(folder);

    assert.throws(() => toys.find('toys', 'daily'), { name: 'ResourceNotFoundException' });
    assert.throws(() => toys.update('toys', 'nightly', { ...definition(nightly), expression: 'cron(0 2 * * * *)' }), {
      name: 'ValidationException',
    });
    assert.throws(() => toys.update('toys', 'nightly', { ...definition(nightly), timezone: 'Europe/Nowhere' }), {
      name: 'ValidationException',
    });
    assert.deepEqual(told, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
