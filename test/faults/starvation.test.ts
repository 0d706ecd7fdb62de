import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { type TaskScene, taskScene } from './task-scene.ts';

let scene: TaskScene;
before(async () => {
  scene = await taskScene();
});
after(() => scene?.[Symbol.asyncDispose]());

test('a task that gets a fifth of the time makes a whole backup at its first attempt', async () => {
  await using world = await scene.open({ source: 'small' });
  const NODE_OPTIONS = `--import=${join(import.meta.dirname, 'starve.ts')}`;

  const played = await world.night('tonight', { task: { environment: { NODE_OPTIONS } } });

  assert.equal(played.attempts, 1);
  await world.whole(played);
});

test('timers that fire late, because nothing ran for a while, cost a read no byte', async () => {
  const { region, bucket, accessKeyId, secretAccessKey } = scene.shared.s3;
  const place = {
    bucket,
    region,
    endpoint: scene.lane.s3.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  };
  const content = randomBytes(8 * 1024 ** 2);
  const patient = openS3Store(place);
  await patient.put('starved', content);
  await patient.close();
  const store = openS3Store(place, { stallSeconds: 0.2, idleTimeoutSeconds: 0.2 });
  const still = new Int32Array(new SharedArrayBuffer(4));

  const { body } = await store.get('starved');
  const chunks: Uint8Array[] = [];
  let read = 0;
  let freezes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    read += chunk.length;
    if (read < (freezes + 1) * 2 * 1024 ** 2) continue;
    freezes += 1;
    // Longer than every timer of the read: when time goes on, all of them are due before any byte is looked at.
    Atomics.wait(still, 0, 0, 500);
  }

  assert.ok(freezes >= 3);
  assert.ok(Buffer.concat(chunks).equals(content));
  await store.close();
});

test('a writer that stands still past its lease publishes nothing, and the one that took over is whole', async () => {
  await using world = await scene.open({ source: 'long' });
  let wake = () => {};
  const isStill = Promise.withResolvers<void>();
  const late = world.night('late', {
    onTask(task) {
      wake = () => task.signal('SIGCONT');
      scene.lane.source.at(1_000_000, () => {
        task.signal('SIGSTOP');
        isStill.resolve();
      });
    },
  });
  await isStill.promise;

  const next = await world.night('next', {}, () => new Date(Date.now() + 3_600_000));
  wake();
  const ended = await late;

  assert.deepEqual([ended.ending, ended.failure?.code, ended.attempts], ['failed', 'lease-lost', 1]);
  assert.match(ended.failure?.message ?? '', /with token 1 is lost: it /);
  const manifest = await world.whole(next);
  assert.equal(manifest.writer.fencingToken, 2);
  const manifests = [...(await world.raw.readAll()).keys()].filter((key) => key.endsWith('/manifest.json'));
  assert.equal(manifests.length, 1);
});
