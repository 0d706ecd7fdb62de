import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { timeOfId } from '../../lib/core/ids.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { type TaskScene, taskScene } from './task-scene.ts';

let scene: TaskScene;
before(async () => {
  scene = await taskScene();
});
after(() => scene?.[Symbol.asyncDispose]());

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What gives the task another clock than the machine has: an offset that can change while it runs. */
function otherClock(seconds: number) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clock-'));
  const file = join(folder, 'offset');
  const set = (offset: number) => writeFileSync(file, `${offset < 0 ? '-' : '+'}${Math.abs(offset)}s\n`);
  set(seconds);
  return {
    set,
    environment: {
      LD_PRELOAD: scene.shared.faketime,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // Timers go by another clock, which never jumps.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

for (const [name, seconds] of [
  ['ahead', 3600],
  ['behind', -3600],
] as const) {
  test(`a task whose clock is an hour ${name} makes a whole backup, in the order of the requests`, async () => {
    await using world = await scene.open();
    using clock = otherClock(seconds);
    const first = await world.whole(await world.night('first'));

    const played = await world.night('second', { task: { environment: clock.environment } });
    const second = await world.whole(played);

    assert.equal(played.attempts, 1, 'the store takes its signatures, by whose clock they are made');
    const offset = Date.parse(second.beganAt) - timeOfId(second.backupId).getTime();
    assert.ok(Math.abs(offset - seconds * 1000) < 60_000, `the task's clock was off by ${offset} ms`);
    assert.ok(second.backupId > first.backupId, "ids are the admission's");
    assert.deepEqual([first.writer.fencingToken, second.writer.fencingToken], [1, 2]);
    assert.equal(Date.parse(second.retention.until) - Date.parse(second.beganAt), second.retention.days * dayMs);
    await world.whole(await world.night('third'));
  });
}

test('a clock that jumps back an hour during a run harms neither the run nor its record', async () => {
  await using world = await scene.open({ source: 'long' });
  using clock = otherClock(3600);

  const played = await world.night('tonight', {
    task: { environment: clock.environment },
    onTask: () => scene.lane.source.at(1_000_000, () => clock.set(0)),
  });

  const { backupId } = await world.whole(played);
  const row = (await scene.lane.catalog.list({ limit: 1000 })).find((candidate) => candidate.backupId === backupId);
  assert.equal(row?.status, 'COMPLETED');
});

test('a writer whose clock is behind loses its lease to another that needs it, and then publishes nothing', async () => {
  await using world = await scene.open();
  using clock = otherClock(-3600);
  let wake = () => {};
  const isHeld = Promise.withResolvers<void>();
  const late = world.night('behind', {
    task: { environment: clock.environment },
    onTask(task) {
      wake = () => task.signal('SIGCONT');
      scene.lane.source.at(20_000, () => {
        task.signal('SIGSTOP');
        isHeld.resolve();
      });
    },
  });
  await isHeld.promise;

  // By its own clock the first has renewed its lease; by everybody else's that ran out three quarters of an hour ago.
  const other = await world.night('on-time');
  wake();

  assert.equal((await late).failure?.code, 'lease-lost');
  const manifest = await world.whole(other);
  assert.equal(manifest.writer.fencingToken, 2);
});

test('a store that refuses every signature for the time in it is denied, and says that the clock is wrong', async () => {
  const { region, bucket, accessKeyId, secretAccessKey } = scene.shared.s3;
  const store = openS3Store({
    bucket,
    region,
    endpoint: scene.lane.s3.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  scene.lane.s3.inject(() => ({ kind: 'answer', status: 403, code: 'RequestTimeTooSkewed' }));

  await assert.rejects(store.put('skewed', Buffer.from('x')), (error) => {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, 'store-denied');
    assert.match(error.hint, /is this machine's clock right/);
    return true;
  });

  scene.lane.s3.inject(() => undefined);
  await store.close();
});
