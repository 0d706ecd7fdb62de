import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { planParts } from '../../lib/core/part-plan.ts';
import { connect, parseConnection } from '../../lib/engines/postgres/connection.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { read } from '../conformance/store/ask-store.ts';
import { type TaskScene, taskScene } from './task-scene.ts';

let scene: TaskScene;
before(async () => {
  scene = await taskScene();
});
after(() => scene?.[Symbol.asyncDispose]());

/** A moment within the dump's rows: the database sends some 2.7 MB. */
const withinRows = 1_500_000;

test('a source that falls silent within a dump ends the attempt in about a minute, and the next one is whole', async () => {
  await using world = await scene.open({ source: 'long' });

  const played = await world.night('tonight', {
    task: { timeoutSeconds: 7200 },
    onTask(_task, attempt) {
      if (attempt === 1) scene.lane.source.at(withinRows, () => scene.lane.source.stall());
      else scene.lane.source.resume();
    },
  });

  assert.equal(played.attempts, 2);
  assert.match(played.log, /"code":"source-interrupted"/);
  await world.whole(played);
});

test('the deadline is kept although the source is silent, on old connections and new ones', async () => {
  await using world = await scene.open({ source: 'long' });
  let isSilent = false;

  const played = await world.night('tonight', {
    task: { timeoutSeconds: 15 },
    onTask: () =>
      scene.lane.source.at(withinRows, () => {
        isSilent = true;
        scene.lane.source.stall();
      }),
  });

  await world.nothingPublished(played, 'deadline');
  assert.ok(isSilent, 'the deadline came before the silence');
  assert.match(played.failure?.hint ?? '', /raise BACKUP_TIMEOUT/);
  scene.lane.source.resume();
  await world.whole(await world.night('next'));
});

test('a source that takes connections and says nothing is unreachable', async () => {
  await using world = await scene.open();
  scene.lane.source.stall();

  const played = await world.night('tonight', {
    onTask(_task, attempt) {
      if (attempt === 2) scene.lane.source.resume();
    },
  });

  assert.match(played.log, /"code":"source-unreachable"/);
  assert.equal(played.attempts, 2);
  await world.whole(played);
});

test('a server gives up within two minutes the session of a client that has vanished', async () => {
  const { port, user, password } = scene.shared.postgres;
  const connection = parseConnection({ host: '127.0.0.1', port, user, password, sslmode: 'disable' });
  const client = await connect(connection, 'postgres');

  const { rows } = await client.query(
    `select current_setting('tcp_keepalives_idle')::int + current_setting('tcp_keepalives_interval')::int * current_setting('tcp_keepalives_count')::int as seconds`,
  );

  assert.deepEqual(rows, [{ seconds: 90 }]);
  await client.end();
});

test('an upload whose connection falls silent is sent again over another', async () => {
  await using world = await scene.open();
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = scene.shared.s3;
  assert.ok(endpoint);
  const store = openS3Store(
    {
      bucket,
      region,
      endpoint: scene.lane.s3.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    },
    { idleTimeoutSeconds: 0.5, maxAttempts: 12 },
  );
  const content = randomBytes(6 * 1024 ** 2);
  const upload = await store.beginUpload(`${world.direct.config.targets.length}/silent`, {
    parts: planParts({ partBytes: 6 * 1024 ** 2 }),
  });
  scene.lane.s3.inject(({ operation, index }) =>
    operation === 'UploadPart' && index < 2 ? { kind: 'stall', side: 'request', afterBytes: 100_000 } : undefined,
  );

  await upload.writePart(1, content);
  const { key } = await upload.complete();

  assert.equal(scene.lane.s3.injected, 2);
  scene.lane.s3.inject(() => undefined);
  assert.ok((await read(store, key)).equals(content));
  await store.close();
});
