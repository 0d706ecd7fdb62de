import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { clientSettings } from '../../lib/cli/local.ts';
import { findRunningStack, type RunningStack } from '../../lib/local/running-stack.ts';
import { manualClock } from '../local/schedules/manual-clock.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
// Between the reconciler's quarters and before the backups: to move it by hours would start functions by the hundred.
let clock = manualClock('2026-11-22T01:50:00Z');
let opened: OpenStack;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 16 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder, { clock });
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const running = (): RunningStack => {
  const found = findRunningStack(folder.stateDirectory);
  if (found === undefined) throw new Error('no stack runs');
  return found;
};
const scheduler = () => new SchedulerClient(clientSettings(running()));
const daily = { GroupName: 'holdfast', Name: 'orders-daily-logical' };
const cli = (...args: string[]) => runCli(['schedules', ...args, '--json', '--config', folder.configFile]);

/** Moves the clock, and waits until everything that was started by it has ended. */
async function moveTo(time: string) {
  const known = new Set(opened.stack.executions.list().map(({ arn }) => arn));
  clock.moveTo(time);
  await new Promise(setImmediate);
  const started = opened.stack.executions.list().filter(({ arn }) => !known.has(arn));
  return Promise.all(started.map(({ arn }) => opened.stack.waitFor(arn)));
}
const ofOrders = <Execution extends { readonly input: string }>(executions: readonly Execution[]) =>
  executions.filter(({ input }) => JSON.parse(input).target === 'orders');

test('the command line moves a schedule: the stack that runs fires at the new time, and no more at the old one', async () => {
  const change = await cli('set', 'orders-daily-logical', '--cron', '15 3 * * *', '--timezone', 'Europe/Berlin');

  const atOld = await moveTo('2026-11-22T02:05:00Z');
  const atNew = await moveTo('2026-11-22T02:16:00Z');
  const definition = await scheduler().send(new GetScheduleCommand(daily));

  assert.equal(change.exitCode, 0, change.stderr);
  assert.deepEqual(
    ofOrders(atOld).filter(({ input }) => JSON.parse(input).tier === 'daily'),
    [],
  );
  const [run, ...others] = ofOrders(atNew);
  assert.deepEqual(others, []);
  assert.equal(run?.status, 'SUCCEEDED', `${run?.error} ${run?.cause}`);
  assert.deepEqual(JSON.parse(run?.input ?? ''), {
    target: 'orders',
    method: 'logical',
    format: 'custom',
    tier: 'daily',
    scheduledTime: '2026-11-22T02:15:00Z',
    requestedBy: { kind: 'schedule', name: 'orders-daily-logical' },
  });
  assert.equal(definition.ScheduleExpression, 'cron(15 3 * * ? *)');
  assert.equal(definition.ScheduleExpressionTimezone, 'Europe/Berlin');
  assert.equal(definition.Target?.RetryPolicy?.MaximumEventAgeInSeconds, 3600);
});

test('the list tells the last run, how late it was, who changed what, and what comes next', async () => {
  const { stdout, exitCode } = await cli();
  const { schedules } = JSON.parse(stdout) as { schedules: Record<string, never>[] };
  const [orders] = schedules.filter(({ name }) => name === 'orders-daily-logical') as unknown as [
    { lastRun: Record<string, unknown>; changed: { by: { kind: string } }; nextRuns: string[]; configured: object },
  ];
  const table = await runCli(['schedules', '--config', folder.configFile]);
  const agenda = await runCli(['schedules', '--hours', '24', '--config', folder.configFile]);

  assert.equal(exitCode, 0);
  assert.equal(orders.lastRun['scheduledTime'], '2026-11-22T02:15:00Z');
  assert.equal(orders.lastRun['status'], 'COMPLETED');
  assert.equal(orders.changed.by.kind, 'user');
  assert.deepEqual(orders.configured, { cron: '0 2 * * *', timezone: 'UTC', enabled: true });
  assert.equal(orders.nextRuns.length, 3);
  assert.match(
    table.stdout,
    /orders-daily-logical +orders +daily +logical +15 3 \* \* \* \(changed\) +Europe\/Berlin \(changed\) +yes/,
  );
  assert.match(
    table.stdout,
    /^'orders-daily-logical' was changed by \S+ at .*'holdfast schedules reset orders-daily-logical'/m,
  );
  assert.match(agenda.stdout, /orders-daily-logical/);
  assert.doesNotMatch(agenda.stdout, /^\S+Z +health-check/m);
  assert.match(agenda.stdout, /^'health-check' runs 48 times meanwhile$/m);
  const { upkeep } = JSON.parse(stdout) as { upkeep: { name: string; enabled: boolean; nextRuns: string[] }[] };
  assert.deepEqual(
    upkeep.map(({ name, nextRuns }) => [name, nextRuns.length]),
    [
      ['restore-test', 3],
      ['cleanup', 3],
      ['health-check', 3],
      ['take-requests', 0],
      ['watch', 0],
      ['reconcile', 0],
      ['apply-schedules', 0],
    ],
  );
  assert.match(table.stdout, /cleanup +0 6 \* \* 0 UTC +yes/);
  assert.match(table.stdout, /take-requests +every 1 minute +yes +not kept/);
});

test('a schedule that fires twice, hours apart even, gives one backup, and the second start says so', async () => {
  const slot = {
    target: 'orders',
    method: 'logical',
    format: 'custom',
    tier: 'daily',
    scheduledTime: '2026-11-22T02:15:00Z',
    requestedBy: { kind: 'schedule', name: 'orders-daily-logical' },
  };
  const backups = objectsUnder(folder, 'backups/orders/').filter((key) => key.endsWith('manifest.json')).length;

  const again = await opened.stack.waitFor(opened.stack.startExecution('holdfast-backup', slot).arn);
  const twice = ['one', 'two'].map((name) =>
    opened.stack.startExecution('holdfast-backup', { ...slot, scheduledTime: '2026-11-21T20:00:00Z' }, name),
  );
  const ends = await Promise.all(twice.map(({ arn }) => opened.stack.waitFor(arn)));

  assert.equal(again.status, 'SUCCEEDED');
  assert.equal(JSON.parse(again.output ?? '').verdict, 'duplicate');
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['SUCCEEDED', 'SUCCEEDED'],
  );
  assert.deepEqual(ends.map(({ output }) => JSON.parse(output ?? '').verdict ?? 'ran').sort(), [
    'admitted',
    'duplicate',
  ]);
  assert.equal(
    objectsUnder(folder, 'backups/orders/').filter((key) => key.endsWith('manifest.json')).length,
    backups + 1,
  );
});

test('a disabled schedule stays disabled after a restart of the stack, and enabling it brings it back', async () => {
  const disabled = await cli('disable', 'orders-daily-logical');
  await opened[Symbol.asyncDispose]();
  clock = manualClock('2026-11-23T02:05:00Z');
  opened = await openStack(folder, { clock });

  const silent = await moveTo('2026-11-23T02:19:00Z');
  const { State: stateBetween } = await scheduler().send(new GetScheduleCommand(daily));
  const enabled = await cli('enable', 'orders-daily-logical');
  const moved = await cli('set', 'orders-daily-logical', '--cron', '25 3 * * *');
  const loud = await moveTo('2026-11-23T02:26:00Z');

  assert.deepEqual([disabled.exitCode, enabled.exitCode, moved.exitCode], [0, 0, 0]);
  assert.deepEqual(ofOrders(silent), []);
  assert.equal(stateBetween, 'DISABLED');
  assert.equal(ofOrders(loud).length, 1);
});

test('what is changed behind our back is put back within a quarter of an hour', async () => {
  const { Schedules = [] } = await scheduler().send(
    new ListSchedulesCommand({ GroupName: 'holdfast', NamePrefix: 'orders' }),
  );
  const found = await scheduler().send(new GetScheduleCommand(daily));
  await scheduler().send(
    new UpdateScheduleCommand({
      ...daily,
      ScheduleExpression: found.ScheduleExpression,
      ScheduleExpressionTimezone: found.ScheduleExpressionTimezone,
      Target: found.Target,
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'DISABLED',
    }),
  );

  clock.moveTo('2026-11-23T02:36:00Z');
  const state = await eventually(
    async () => (await scheduler().send(new GetScheduleCommand(daily))).State === 'ENABLED',
  );

  assert.deepEqual(Schedules.map(({ Name }) => Name).sort(), [
    'orders-daily-logical',
    'orders-monthly-logical',
    'orders-weekly-logical',
  ]);
  assert.equal(state, true);
});

test('a schedule that is reset is as configured again, and the catalog has the whole story with who did what', async () => {
  const reset = await cli('reset', 'orders-daily-logical');
  await opened.reconcile();

  const definition = await scheduler().send(new GetScheduleCommand(daily));
  await using database = await catalogDatabase(folder);
  const { rows } = await database.client.query(
    `select cron_expression, timezone, is_enabled, changed_by_kind, load_end_date is null as is_current
     from backup_mgmt.backup_schedule_s where schedule_bk = 'orders-daily-logical' order by load_date`,
  );

  assert.equal(JSON.parse(reset.stdout).changed, null);
  assert.equal(definition.ScheduleExpression, 'cron(0 2 * * ? *)');
  assert.equal(objectsUnder(folder, 'journal/19700101T000000Z-').length, 5);
  assert.deepEqual(rows.at(-1), {
    cron_expression: '0 2 * * *',
    timezone: 'UTC',
    is_enabled: true,
    changed_by_kind: 'user',
    is_current: true,
  });
});

test('a change that makes no sense is refused, with what is wrong', async () => {
  const unknown = await cli('disable', 'orders-hourly-logical');
  const wrong = await cli('set', 'orders-daily-logical', '--cron', '0 2 1 * 1');
  const nothing = await cli('set', 'orders-daily-logical');

  assert.equal(unknown.error.code, 'schedule-unknown');
  assert.match(wrong.error.message, /--cron: is not a cron schedule: .*day of the month and a day of the week/);
  assert.equal(nothing.error.code, 'usage');
});

test('every call that changed a schedule was made by the one function that may', async () => {
  const calls = readFileSync(join(folder.stateDirectory, 'calls.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string; caller: { kind: string; name: string } });

  const callers = calls
    .filter(({ action, caller }) => action === 'scheduler:UpdateSchedule' && caller.kind !== 'operator')
    .map(({ caller }) => caller.name);

  assert.deepEqual([...new Set(callers)], ['holdfast-schedules']);
});

async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await isSo()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
