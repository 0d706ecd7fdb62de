import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetScheduleCommand,
  SchedulerClient,
  UpdateScheduleCommand,
  type UpdateScheduleCommandInput,
} from '@aws-sdk/client-scheduler';
import type { WatchState } from '../../lib/core/health.ts';
import { healthKeys } from '../../lib/core/object-keys.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from '../e2e/stack-fixture.ts';
import { webhookServer } from '../lifecycle/alert-places.ts';
import { manualClock } from '../local/schedules/manual-clock.ts';

let server: SourceServer;
let hook: Awaited<ReturnType<typeof webhookServer>>;
let folder: StackFolder;
let opened: OpenStack;
const clock = manualClock('2026-11-24T01:50:00Z');

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 10 } });
  hook = await webhookServer();
  folder = await stackFolder({ server, webhook: hook.url });
  opened = await openStack(folder, { clock });
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await hook?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** Looks as the watch does when `days` have passed since it saw schedules for the first time. */
async function watchAfter(days: number): Promise<void> {
  const file = join(folder.store, healthKeys.watch);
  const state = JSON.parse(readFileSync(file, 'utf8')) as WatchState;
  const earlier = (time: string): string => new Date(Date.parse(time) - days * 86_400_000).toISOString();
  const schedules = Object.entries(state.schedules).map(([name, seen]) => [
    name,
    { ...seen, since: earlier(seen.since) },
  ]);
  writeFileSync(file, JSON.stringify({ ...state, schedules: Object.fromEntries(schedules) }));
  await opened.invoke('WatchFunction');
  await opened.stack.topics.settle();
}

test('a schedule that somebody switched off in the console is told as a missed run, and is on again in a quarter of an hour', async () => {
  const { endpointUrl: endpoint, region, credentials, executions } = opened.stack;
  const scheduler = new SchedulerClient({ endpoint, region, credentials });
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const nightly = { GroupName: 'holdfast', Name: 'orders-daily-logical' };
  const stateOf = async () => (await scheduler.send(new GetScheduleCommand(nightly))).State;
  const { $metadata: _, ...definition } = await scheduler.send(new GetScheduleCommand(nightly));
  await opened.invoke('WatchFunction');
  const off = { ...definition, ...nightly, Arn: undefined, State: 'DISABLED' } as UpdateScheduleCommandInput;
  await scheduler.send(new UpdateScheduleCommand(off));
  const switchedOff = await stateOf();

  // What puts it back runs at five past.
  clock.moveTo('2026-11-24T02:04:00Z');
  await new Promise(setImmediate);
  const ofOrders = executions.list().filter(({ input }) => JSON.parse(input).target === 'orders');
  await watchAfter(2);
  const told = hook.news();
  await Promise.all(executions.list().map(({ arn }) => opened.stack.waitFor(arn)));
  // As its schedule does each quarter of an hour.
  const apply = { FunctionName: 'holdfast-schedules', Payload: JSON.stringify({ operation: 'apply' }) };
  const applied = await lambda.send(new InvokeCommand(apply));
  const on = await stateOf();

  assert.equal(switchedOff, 'DISABLED');
  assert.deepEqual(ofOrders, []);
  assert.ok(
    told.some((line) => /^CRITICAL: the backup 'orders-daily-logical' was due at .* and was never begun/.test(line)),
    told.join(' | '),
  );
  assert.equal(applied.FunctionError, undefined);
  assert.equal(on, 'ENABLED');
  scheduler.destroy();
  lambda.destroy();
});

test('an image that cannot be pulled ends the attempt under that name, and the next one succeeds when it is there', async () => {
  const container = opened.stack.model.taskDefinitions.find(({ family }) => /backup/i.test(family))?.container;
  assert.ok(container);
  const away = `${container.folder}.away`;
  renameSync(container.folder, away);

  const execution = opened.backup('orders');
  const judged = await new Promise<Record<string, unknown>>((resolve) => {
    opened.stack.executions.listen((news) => {
      if (news.kind !== 'event' || news.execution.arn !== execution.arn || news.event.type !== 'state-entered') return;
      if (news.event.state === 'Wait before the next attempt') resolve(news.event.input as Record<string, unknown>);
    });
  });
  renameSync(away, container.folder);
  const { run } = await opened.succeeded(execution);

  const { verdict, attempts, failure } = judged['judged'] as {
    verdict: string;
    attempts: number;
    failure: { code: string; message: string };
  };
  assert.deepEqual([verdict, attempts, failure.code], ['retry', 1, 'task-not-started']);
  assert.match(failure.message, /CannotPullContainerError/);
  assert.equal((await opened.rowOf(execution))?.status, 'COMPLETED');
  assert.equal(run.target, 'orders');
});
