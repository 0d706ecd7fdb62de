import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf } from '../../lib/api/health.ts';
import type { HealthReport, WatchState } from '../../lib/core/health.ts';
import type { BackupId, TargetName } from '../../lib/core/ids.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { requestKey } from '../../lib/core/object-keys.ts';
import { type ScheduleChanged, scheduleOperation } from '../../lib/core/schedules.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { checkHealth } from '../../lib/lifecycle/check-health.ts';
import { holdCleanupLease } from '../../lib/lifecycle/cleanup/cleanup-lease.ts';
import { recordHealth } from '../../lib/lifecycle/record-health.ts';
import { recordOutcome } from '../../lib/lifecycle/record-outcome.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { watch } from '../../lib/lifecycle/watch.ts';
import type { WatchSources } from '../../lib/lifecycle/watch-facts.ts';
import { putJson, readText } from '../../lib/store/text.ts';
import { recoveryAwaited, recoveryBegun, recoveryRequested } from '../catalog/events.ts';
import { eventBus } from './event-bus.ts';
import { lifecycle } from './fixtures.ts';
import { publishManifest } from './published.ts';

/** An installation that is watched, and a clock that a test sets. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const bus = stack.use(await eventBus());
  let now = new Date('2026-11-21T00:00:00.000Z');
  const clock = (): Date => now;
  const sources: WatchSources = {
    config: place.config,
    store: place.store,
    catalog: undefined,
    keyState: async () => undefined,
    clock,
    log: { warn: () => {} },
  };
  return {
    ...place,
    sources,
    /** What the watch tells at this time. */
    async lookAt(time: string): Promise<string[]> {
      now = new Date(time);
      await watch({ ...sources, events: bus.events });
      return bus.news();
    },
    /** A backup begins at this time, for the slot or by hand. */
    async begin(time: string, scheduledTime?: string) {
      now = new Date(time);
      const admission = await admitBackup(
        { ...place, clock },
        {
          request: {
            target: 'orders' as TargetName,
            tier: 'daily',
            ...(scheduledTime === undefined ? {} : { scheduledTime }),
          },
          execution: `run-at-${time}`,
          startedAt: now.toISOString(),
          redriveCount: 0,
        },
      );
      assert.equal(admission.verdict, 'admitted');
      return admission.run;
    },
    /** A person sets something of the schedule. */
    async change(at: string, set: ScheduleChanged['set']) {
      const schedule = 'orders-daily-logical';
      const event: ScheduleChanged = {
        event: 'schedule-changed',
        operation: scheduleOperation(schedule),
        at,
        tenant: null,
        schedule,
        change: at,
        set,
        requestedBy: { kind: 'user', name: 'anna' },
      };
      await putJson(place.store, journalKey(event), event, { condition: 'absent' });
    },
    async complete(run: Awaited<ReturnType<typeof this.begin>>) {
      await publishManifest(place.store, run, now);
      await recordOutcome({ ...place, clock }, { run });
      await releaseLeases({ store: place.store, clock }, run);
    },
    async fail(run: Awaited<ReturnType<typeof this.begin>>, code: string, message: string) {
      await recordOutcome({ ...place, clock }, { run, failure: { code, message, hint: 'try' } });
      await releaseLeases({ store: place.store, clock }, run);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const slot = '2026-11-21T02:00:00.000Z';

test('a run that its schedule never began is noticed within a quarter of an hour, and is over with the next backup', async () => {
  await using place = await installation();
  assert.deepEqual(await place.lookAt('2026-11-21T00:00:00.000Z'), []);

  const early = await place.lookAt('2026-11-21T02:04:00.000Z');
  const due = await place.lookAt('2026-11-21T02:09:00.000Z');
  const later = await place.lookAt('2026-11-21T02:14:00.000Z');
  await place.complete(await place.begin('2026-11-21T08:00:00.000Z'));
  const over = await place.lookAt('2026-11-21T08:05:00.000Z');

  assert.deepEqual(early, []);
  assert.deepEqual(due, ['Problem Began: missed-run-orders-daily-logical']);
  assert.deepEqual(later, []);
  assert.deepEqual(over, ['Problem Ended: missed-run-orders-daily-logical']);
});

test('a cleanup that its schedule never began is noticed within a quarter of an hour, and is over when one begins', async () => {
  await using place = await installation();
  const ofCleanup = async (time: string): Promise<string[]> =>
    (await place.lookAt(time)).filter((news) => news.includes('cleanup'));
  await place.lookAt('2026-11-21T00:00:00.000Z');

  const early = await ofCleanup('2026-11-22T06:04:00.000Z');
  const due = await ofCleanup('2026-11-22T06:09:00.000Z');
  const run = { cleanupId: '20261122T090000Z-0000000c' as BackupId, execution: 'by-hand' };
  await holdCleanupLease(place.store, run, () => new Date('2026-11-22T09:00:00.000Z'));
  const over = await ofCleanup('2026-11-22T09:05:00.000Z');

  assert.deepEqual(early, []);
  assert.deepEqual(due, ['Problem Began: missed-cleanup']);
  assert.deepEqual(over, ['Problem Ended: missed-cleanup']);
});

test('a schedule that is new has missed nothing before it was there', async () => {
  await using place = await installation();

  assert.deepEqual(await place.lookAt('2026-11-21T12:00:00.000Z'), []);
});

test('what was changed by hand is in force: a schedule that was disabled, or moved, misses nothing at its configured time', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  await place.change('2026-11-21T01:00:00.000Z', { cron: '0 5 * * *' });
  await place.lookAt('2026-11-21T01:05:00.000Z');

  const configured = await place.lookAt('2026-11-21T02:10:00.000Z');
  const moved = await place.lookAt('2026-11-21T05:10:00.000Z');
  await place.change('2026-11-21T05:15:00.000Z', { enabled: false });
  const disabled = await place.lookAt('2026-11-21T05:20:00.000Z');
  const dayAfter = (await place.lookAt('2026-11-22T05:10:00.000Z')).filter((news) => news.includes('daily'));

  assert.deepEqual(configured, []);
  assert.deepEqual(moved, ['Problem Began: missed-run-orders-daily-logical']);
  assert.deepEqual(disabled, ['Problem Ended: missed-run-orders-daily-logical']);
  assert.deepEqual(dayAfter, []);
});

test('a scheduled backup that is under way or complete is no problem, and asks for nothing more once it is known', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  const run = await place.begin('2026-11-21T02:00:05.000Z', slot);

  const underWay = await place.lookAt('2026-11-21T02:10:00.000Z');
  await place.complete(run);
  const complete = await place.lookAt('2026-11-21T02:20:00.000Z');
  await place.store.delete(requestKey(run.target, run.method, '20261121T020000Z-daily'));
  const known = await place.lookAt('2026-11-21T02:25:00.000Z');

  assert.deepEqual([underWay, complete, known], [[], [], []]);
});

test('a failed backup, and one whose task could not be started, are told with the reason', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  const run = await place.begin('2026-11-21T02:00:05.000Z', slot);
  await place.fail(run, 'task-not-started', 'CannotPullContainerError: manifest for holdfast:1 not found');

  assert.deepEqual(await place.lookAt('2026-11-21T02:10:00.000Z'), ['Problem Began: task-not-started']);
  const { problems } = await healthOf(place);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      `the backup '${run.backupId}' of 'orders', due at ${slot}, failed: [task-not-started] CannotPullContainerError: manifest for holdfast:1 not found`,
    ],
  );
});

test('a run without an end is stuck after the time of one attempt, and its lease is stale soon after its holder died', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  const run = await place.begin('2026-11-21T02:00:05.000Z', slot);

  const stale = await place.lookAt('2026-11-21T02:20:00.000Z');
  const stuck = await place.lookAt('2026-11-21T05:05:00.000Z');

  assert.deepEqual(stale, ['Problem Began: stale-lease-orders-logical']);
  assert.deepEqual(stuck, [`Problem Began: stuck-run-${run.backupId.toLowerCase()}`]);
});

test('a recovery that waits for somebody runs not, and is stuck when it has begun and does not end', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  const operation = '20261121T003000Z-00c0ffee';
  const put = (event: JournalEvent) => putJson(place.store, journalKey(event), event);
  await put(recoveryRequested({ operation, at: '2026-11-21T00:30:00.000Z' }));
  await put(recoveryAwaited({ operation, at: '2026-11-21T00:30:01.000Z' }));

  const waiting = await place.lookAt('2026-11-21T01:55:00.000Z');
  const long = (await place.lookAt('2026-11-21T12:00:00.000Z')).filter((told) => told.includes('stuck-run'));
  await put(recoveryBegun({ operation, at: '2026-11-21T12:00:01.000Z' }));
  const running = (await place.lookAt('2026-11-21T14:00:00.000Z')).filter((told) => told.includes('stuck-run'));
  const stuck = (await place.lookAt('2026-11-21T15:05:00.000Z')).filter((told) => told.includes('stuck-run'));

  assert.deepEqual([waiting, long, running], [[], [], []]);
  assert.deepEqual(stuck, [`Problem Began: stuck-run-${operation.toLowerCase()}`]);
});

test('a long problem is told again after a day, and its beginning is remembered', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-20T12:00:00.000Z');
  await place.lookAt('2026-11-21T02:10:00.000Z');

  const nextDay = await place.lookAt('2026-11-22T02:10:00.000Z');

  assert.ok(nextDay.includes('Problem Began: missed-run-orders-daily-logical'), nextDay.join());
  const state = JSON.parse((await readText(place.store, 'health/watch.json')) ?? '') as WatchState;
  assert.equal(state.open.find(({ kind }) => kind === 'missed-run')?.since, '2026-11-21T02:10:00.000Z');
});

test('two watches at once tell what there is, and leave one state', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');

  const both = await Promise.all([place.lookAt('2026-11-21T02:10:00.000Z'), place.lookAt('2026-11-21T02:10:00.000Z')]);
  const next = await place.lookAt('2026-11-21T02:15:00.000Z');

  assert.deepEqual(new Set(both.flat()), new Set(['Problem Began: missed-run-orders-daily-logical']));
  assert.deepEqual(next, []);
});

test('the health check says what is well, what is wrong and what is not known, and leaves that in the store', async () => {
  await using place = await installation();
  await place.lookAt('2026-11-21T00:00:00.000Z');
  await place.lookAt('2026-11-21T02:10:00.000Z');

  await recordHealth(place.sources);

  const report = JSON.parse((await readText(place.store, 'health/latest.json')) ?? '') as HealthReport;
  assert.equal(report.status, 'problem');
  assert.deepEqual(
    report.checks.map(({ check, status }) => `${check} ${status}`),
    [
      'backups ok',
      'failed-runs ok',
      'schedules problem',
      'leases ok',
      'targets unknown',
      'wal unknown',
      'key ok',
      'catalog unknown',
      'alerts unknown',
    ],
  );
  assert.deepEqual(
    (await checkHealth(place.sources)).problems.map(({ id }) => id),
    ['missed-run-orders-daily-logical'],
  );
});
