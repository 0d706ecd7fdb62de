import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { schedulesOf } from '../../lib/config/schedules.ts';
import { schedulerCron } from '../../lib/core/schedule-expression.ts';
import { schedulesInForce } from '../../lib/core/schedules.ts';
import { applySchedules } from '../../lib/lifecycle/apply-schedules.ts';
import { changeSchedule } from '../../lib/lifecycle/change-schedule.ts';
import { CallLog } from '../../lib/local/call-log.ts';
import { openEndpoint } from '../../lib/local/endpoint/endpoint.ts';
import { schedulerService } from '../../lib/local/endpoint/scheduler.ts';
import { Identities } from '../../lib/local/identities.ts';
import { ScheduleBook } from '../../lib/local/schedules/schedule-book.ts';
import { readScheduleChanges } from '../../lib/store/schedule-changes.ts';
import { lifecycle } from './fixtures.ts';

/** A configuration, a store, and the local stack's Scheduler with every schedule of the configuration, spoken to by the SDK. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-schedules-'));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const identities = new Identities();
  const endpoint = await openEndpoint({ identities, calls: new CallLog(folder) });
  stack.defer(() => endpoint.close());
  const book = new ScheduleBook({
    schedules: schedulesOf(place.config).map(({ name, cron, timezone, enabled }) => ({
      origin: { stack: 'Runtime', logicalId: name },
      name,
      group: 'holdfast',
      expression: schedulerCron(cron),
      timezone,
      isEnabled: enabled,
      targetArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:holdfast-backup',
      roleArn: 'arn:aws:iam::000000000000:role/scheduler',
      input: '{"target":"orders"}',
      retryAttempts: 3,
      maximumEventAgeSeconds: 3600,
      deadLetterArn: 'arn:aws:sqs:eu-central-1:000000000000:dead-letters',
    })),
    stateDirectory: folder,
    onUpdate: () => undefined,
  });
  endpoint.connect({
    json: {},
    query: {},
    rest: { scheduler: schedulerService(book, 'eu-central-1') },
    functionArn: (name) => name,
    invoke: async () => ({ kind: 'result', result: null }),
  });
  const scheduler = new SchedulerClient({
    region: 'eu-central-1',
    endpoint: endpoint.url,
    credentials: identities.issue({ kind: 'operator', name: 'test', roleArn: 'arn:aws:iam::000000000000:user/test' }),
  });
  return { ...place, scheduler, book, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

type Installation = Awaited<ReturnType<typeof installation>>;

/** Applies all schedules; `meanwhile` comes between the first reading of what is in force and what follows from it. */
async function applied(
  { scheduler, config, store }: Installation,
  { group = 'holdfast', meanwhile = async (): Promise<unknown> => undefined } = {},
) {
  const schedules = schedulesOf(config);
  const names = schedules.map(({ name }) => name);
  let readings = 0;
  const became = await applySchedules(scheduler, group, names, async () => {
    const states = schedulesInForce(schedules, await readScheduleChanges(store));
    readings += 1;
    if (readings === 1) await meanwhile();
    return states;
  });
  return { ...became, readings };
}

/** What an update of the definition takes. */
function definitionIn({ book }: Installation) {
  const {
    origin: _,
    name: __,
    group: ___,
    deadLetterArn: ____,
    ...definition
  } = book.find('holdfast', 'orders-daily-logical');
  return definition;
}

const wish = (change: string, set: { cron?: string; timezone?: string; enabled?: boolean }) => ({
  schedule: 'orders-daily-logical',
  set,
  change,
  requestedBy: { kind: 'user', name: 'anna' } as const,
});

test('a change is written down, and Scheduler fires by it, all else of the definition being as it was', async () => {
  await using place = await installation();
  const before = place.book.find('holdfast', 'orders-daily-logical');

  const state = await changeSchedule(place, wish('one', { cron: '30 3 * * 1-5', timezone: 'Europe/Berlin' }));

  assert.equal(state.applied, 'updated');
  assert.deepEqual(state.changed, { at: '2026-11-21T02:00:00.000Z', by: { kind: 'user', name: 'anna' } });
  assert.deepEqual(place.book.find('holdfast', 'orders-daily-logical'), {
    ...before,
    expression: 'cron(30 3 ? * 2-6 *)',
    timezone: 'Europe/Berlin',
  });
});

test('the same wish is one change, and of several at once every one stands, the last made being the last told', async () => {
  await using place = await installation();

  await changeSchedule(place, wish('same', { enabled: false }));
  await changeSchedule(place, wish('same', { enabled: false }));
  await Promise.all(
    ['0 3 * * *', '0 4 * * *', '0 5 * * *'].map((cron, index) =>
      changeSchedule(place, wish(`at once ${index}`, { cron })),
    ),
  );
  // A machine whose clock is an hour behind.
  const clock = () => new Date('2026-11-21T01:00:00.000Z');
  const last = await changeSchedule({ ...place, clock }, wish('last', { cron: '0 6 * * *' }));

  const changes = await readScheduleChanges(place.store);
  assert.equal(changes.length, 5);
  assert.equal(new Set(changes.map(({ at }) => at)).size, 5);
  assert.deepEqual([last.cron, last.enabled], ['0 6 * * *', false]);
  assert.equal(place.book.find('holdfast', 'orders-daily-logical').expression, 'cron(0 6 * * ? *)');
});

test('a change that was written and not applied is applied by the next application, as is what a deployment put back', async () => {
  await using place = await installation();
  await changeSchedule(place, wish('one', { enabled: false }));
  place.book.update('holdfast', 'orders-daily-logical', { ...definitionIn(place), isEnabled: true });

  const first = await applied(place);
  const second = await applied(place);
  const elsewhere = await applied(place, { group: 'other' });

  assert.deepEqual(first.updated, ['orders-daily-logical']);
  assert.deepEqual([second.updated, second.unchanged.length, elsewhere.missing.length], [[], 3, 3]);
  assert.equal(place.book.find('holdfast', 'orders-daily-logical').isEnabled, false);
});

test('a change that is made and applied while another application is under way is what Scheduler ends with', async () => {
  await using place = await installation();
  await changeSchedule(place, wish('one', { enabled: false }));
  place.book.update('holdfast', 'orders-daily-logical', { ...definitionIn(place), isEnabled: true });

  const { updated, readings } = await applied(place, {
    meanwhile: () => changeSchedule(place, wish('two', { cron: '0 7 * * *' })),
  });

  assert.deepEqual([updated, readings], [['orders-daily-logical'], 3]);
  const { expression, isEnabled } = place.book.find('holdfast', 'orders-daily-logical');
  assert.deepEqual([expression, isEnabled], ['cron(0 7 * * ? *)', false]);
});

test('a change that is made and applied while another application reads is not taken for one behind our back', async () => {
  await using place = await installation();

  const { updated, unchanged, readings } = await applied(place, {
    meanwhile: () => changeSchedule(place, wish('one', { enabled: false })),
  });

  assert.deepEqual([updated, unchanged.length, readings], [[], 3, 1]);
  assert.equal(place.book.find('holdfast', 'orders-daily-logical').isEnabled, false);
});

test('what a deployment changes in a definition while it is applied stays', async () => {
  await using place = await installation();
  await changeSchedule(place, wish('one', { enabled: false }));
  place.book.update('holdfast', 'orders-daily-logical', { ...definitionIn(place), isEnabled: true });

  await applied(place, {
    meanwhile: async () => {
      const deployed = { ...definitionIn(place), input: '{"target":"other"}', retryAttempts: 5 };
      place.book.update('holdfast', 'orders-daily-logical', deployed);
    },
  });

  const { input, retryAttempts, isEnabled } = place.book.find('holdfast', 'orders-daily-logical');
  assert.deepEqual([input, retryAttempts, isEnabled], ['{"target":"other"}', 5, false]);
});

test('a schedule that is not configured is refused, and nothing is written', async () => {
  await using place = await installation();

  await assert.rejects(
    changeSchedule(place, { ...wish('one', { enabled: false }), schedule: 'orders-hourly-logical' }),
    {
      code: 'schedule-unknown',
    },
  );
  assert.deepEqual(await readScheduleChanges(place.store), []);
});
