import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalSchedule } from '../../../lib/local/model.ts';
import { Scheduler } from '../../../lib/local/schedules/scheduler.ts';
import { openToyStack, toyFolder } from '../toy-stack.ts';
import { manualClock } from './manual-clock.ts';

const nightly: LocalSchedule = {
  origin: { stack: 'Toy', logicalId: 'Nightly' },
  name: 'nightly',
  group: 'default',
  expression: 'cron(30 2 * * ? *)',
  timezone: 'Europe/Berlin',
  isEnabled: true,
  targetArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:toy',
  roleArn: 'arn:aws:iam::000000000000:role/toy',
  input: '{"at":"<aws.scheduler.scheduled-time>"}',
  retryAttempts: 3,
  maximumEventAgeSeconds: 3600,
  deadLetterArn: undefined,
};

test('a schedule fires at its times with the time that was due, and not in the gap of daylight saving', async () => {
  const clock = manualClock('2026-03-27T12:00:00Z');
  const fired: string[] = [];
  const scheduler = new Scheduler({
    schedules: [nightly, { ...nightly, name: 'off', isEnabled: false }],
    clock,
    fire: async ({ name }, input) => void fired.push(`${name} ${input}`),
    onFailure: () => undefined,
  });

  clock.moveTo('2026-03-30T12:00:00Z');
  await scheduler.close();

  assert.deepEqual(fired, ['nightly {"at":"2026-03-28T01:30:00Z"}', 'nightly {"at":"2026-03-30T00:30:00Z"}']);
});

test('a target that cannot be called is tried again as the schedule allows, and then reported', async () => {
  const clock = manualClock('2026-11-20T00:00:00Z');
  let calls = 0;
  const { promise: failed, resolve } = Promise.withResolvers<string>();
  const scheduler = new Scheduler({
    schedules: [nightly],
    clock,
    fire: async () => {
      calls += 1;
      throw new Error('no such machine');
    },
    onFailure: (_, input, error) => resolve(`${input} ${(error as Error).message}`),
  });

  for (const time of ['01:30:00', '01:30:01', '01:30:03', '01:30:07']) {
    clock.moveTo(`2026-11-20T${time}Z`);
    await new Promise(setImmediate);
  }

  assert.equal(await failed, '{"at":"2026-11-20T01:30:00Z"} no such machine');
  assert.equal(calls, 4);
  await scheduler.close();
});

test('a machine that slept through a time fires late, and not at all when that is older than the schedule allows', async () => {
  for (const [wakesAt, expected] of [
    ['2026-11-20T02:20:00Z', { fired: ['{"at":"2026-11-20T01:30:00Z"}'], dropped: [] }],
    [
      '2026-11-20T07:40:00Z',
      { fired: [], dropped: ['{"at":"2026-11-20T01:30:00Z"} it was due at 2026-11-20T01:30:00Z, 370 minutes ago'] },
    ],
  ] as const) {
    let now = new Date('2026-11-20T01:29:30Z');
    const timers: (() => void)[] = [];
    const fired: string[] = [];
    const dropped: string[] = [];
    const scheduler = new Scheduler({
      schedules: [nightly],
      clock: {
        now: () => now,
        after: (_delayMs, callback) => {
          timers.push(callback);
          return () => undefined;
        },
      },
      fire: async (_schedule, input) => void fired.push(input),
      onFailure: (_schedule, input, error) => dropped.push(`${input} ${(error as Error).message}`),
    });

    now = new Date(wakesAt);
    timers.shift()?.();
    await scheduler.close();

    assert.deepEqual({ fired, dropped }, expected);
  }
});

test('a schedule that is replaced fires at its new times only', async () => {
  const clock = manualClock('2026-11-20T00:00:00Z');
  const fired: string[] = [];
  const scheduler = new Scheduler({
    schedules: [nightly],
    clock,
    fire: async (_schedule, input) => void fired.push(input),
    onFailure: () => undefined,
  });

  scheduler.replace({ ...nightly, expression: 'cron(0 4 * * ? *)' });
  scheduler.replace({ ...nightly, name: 'unknown' });
  clock.moveTo('2026-11-20T12:00:00Z');
  scheduler.replace({ ...nightly, isEnabled: false });
  clock.moveTo('2026-11-22T12:00:00Z');
  await scheduler.close();

  assert.deepEqual(fired, ['{"at":"2026-11-20T03:00:00Z"}']);
});

test('a schedule fired early is called at once, and what is wanted meanwhile is one more call after it', async () => {
  const calls: PromiseWithResolvers<void>[] = [];
  const scheduler = new Scheduler({
    schedules: [nightly, { ...nightly, name: 'off', isEnabled: false }],
    clock: manualClock('2026-11-20T00:00:00Z'),
    fire: () => {
      const call = Promise.withResolvers<void>();
      calls.push(call);
      return call.promise;
    },
    onFailure: () => undefined,
  });

  for (const name of ['nightly', 'nightly', 'nightly', 'off', 'unknown']) scheduler.fireEarly(name);
  const atOnce = calls.length;
  calls[0]?.resolve();
  await new Promise(setImmediate);
  const afterwards = calls.length;
  calls[1]?.resolve();
  await scheduler.close();
  scheduler.fireEarly('nightly');

  assert.deepEqual([atOnce, afterwards, calls.length], [1, 2, 2]);
});

test('a schedule of the templates starts its state machine with the time that was due', async () => {
  using folder = toyFolder();
  const clock = manualClock('2026-11-20T00:00:00Z');
  const { stack } = await openToyStack(folder, { clock });
  try {
    clock.moveTo('2026-11-20T01:30:00Z');
    await new Promise(setImmediate);
    const [started] = stack.executions.list();

    assert.deepEqual(JSON.parse(started?.input ?? ''), { name: 'night', fail: '', at: '2026-11-20T01:30:00Z' });
    assert.deepEqual(await stack.queues.depths(), { 'toy-dead-letters': 0 });
    const health = await (await fetch(`${stack.statusUrl}/health`)).json();
    assert.equal((health as { status: string }).status, 'ok');
  } finally {
    await stack.close();
  }
});
