import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GetObjectLegalHoldCommand, PutObjectLockConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { HoldfastError } from '../../lib/core/errors.ts';
import { manifestKey, walKey } from '../../lib/core/object-keys.ts';
import { walTags } from '../../lib/core/object-tags.ts';
import { holdBackup, releaseBackup } from '../../lib/lifecycle/hold-backup.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { type CleanupPlace, cleanupPlace, orders } from './cleanup-place.ts';
import { publishBase } from './publish-base.ts';

let server: S3Server;
let client: S3Client;
before(async () => {
  server = await minioServer();
  client = new S3Client(connection());
});
after(async () => {
  client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

const connection = () => ({
  endpoint: server.endpoint,
  region: server.region,
  forcePathStyle: true,
  credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
});
const asked = { target: orders, reason: 'case 4711', by: { kind: 'user', name: 'anna' } } as const;

/** A store in a bucket that can lock; with `lockedDays`, every new object is locked for so long. */
async function lockable(lockedDays?: number): Promise<CleanupPlace & AsyncDisposable & { readonly bucket: string }> {
  const bucket = await server.newBucket({ objectLock: true });
  if (lockedDays !== undefined) await lock(bucket, lockedDays);
  const store = openS3Store({ ...connection(), bucket });
  return { ...cleanupPlace(store), bucket, [Symbol.asyncDispose]: () => store.close() };
}

const lock = (Bucket: string, Days: number) =>
  client.send(
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days } },
      },
    }),
  );

test('a segment of a log that is held is retained and told, and goes when the hold is over', async () => {
  await using place = await lockable();
  const system = { systemIdentifier: '7434001122334455667', timeline: 1, segmentBytes: 16 * 1024 ** 2 };
  const keys = ['01', '02', '03'].map((digits) =>
    walKey(orders, system.systemIdentifier, `0000000100000000000000${digits}`),
  );
  for (const key of keys) await place.store.put(key, Buffer.alloc(100), { condition: 'absent', tags: walTags });
  await place.store.setLegalHold(keys[0] ?? '', true);
  await publishBase(place, 40, { ...system, startLsn: '0/3000028', endLsn: '0/3000100' });

  const first = await place.cleanUp('first');
  const left = await place.keys('wal/');
  await place.store.setLegalHold(keys[0] ?? '', false);
  const second = await place.cleanUp('second');

  assert.deepEqual([first.removedObjects, first.retainedObjects, first.retainedBytes], [1, 1, 100]);
  assert.deepEqual(left, [keys[0], keys[2]]);
  assert.deepEqual([second.removedObjects, second.retainedObjects], [1, 0]);
  assert.deepEqual(await place.keys('wal/'), [keys[2]]);
});

test('of a versioned bucket all versions go, and what they took is freed', async () => {
  await using place = await lockable();
  const old = await place.publish(50);
  const newest = await place.publish(40);

  const { deleted, retainedObjects } = await place.cleanUp('first');

  assert.deepEqual([deleted, retainedObjects], [1, 0]);
  for (const key of old.keys) assert.deepEqual(await place.store.versions(key), []);
  assert.deepEqual(await place.keys('backups/'), newest.keys);
});

test('a backup whose lock lasts longer than its time is kept, and says so', async () => {
  await using place = await lockable(100);
  await place.publish(50);
  await place.publish(40);

  const { plan, deleted } = await place.cleanUp('first');

  assert.equal(deleted, 0);
  assert.match(plan.decisions[0]?.reason ?? '', /^locked by the store until \d{4}-\d\d-\d\d$/);
});

test('a manifest that the server still locks stays with all that it names; that is told, and no failure', async () => {
  await using place = await lockable(30);
  // By the cleanup's clock, sixty days ahead, the lock is over; the server's own clock says otherwise.
  const old = await place.publish(50);
  await lock(place.bucket, 1);
  await place.publish(40);
  const attempt = `backups/orders/${old.id}/dead/orders.00000`;
  await place.store.put(attempt, Buffer.alloc(50));

  const { deleted, postponed, retainedObjects, retainedBytes } = await place.cleanUp('first');

  assert.equal(deleted, 0);
  // The manifest is locked, so that it stays with all that it names; of the dead attempt an object is locked.
  assert.deepEqual([postponed, retainedObjects], [1, 2]);
  assert.ok(retainedBytes > 50);
  assert.deepEqual(
    (await place.keys(`backups/orders/${old.id}/`)).filter((key) => key !== attempt),
    old.keys,
  );
  assert.deepEqual(await place.events(old.id), [
    'backup-requested',
    'backup-completed',
    'backup-expired',
    'backup-kept',
  ]);
});

test('what is left of a removal under a lock is finished when the lock is over, and S3 is told that it may go', async () => {
  await using place = await lockable();
  const old = await place.publish(50);
  await place.publish(40);
  const [data = ''] = old.keys;
  await place.store.setLegalHold(data, true);

  const first = await place.cleanUp('first');
  const tags = await place.store.tags(data);
  await place.store.setLegalHold(data, false);
  const second = await place.cleanUp('second');

  assert.deepEqual([first.deleted, first.postponed, first.retainedObjects, first.retainedBytes], [0, 1, 1, 100]);
  assert.deepEqual(tags, { 'holdfast-content': 'data', 'holdfast-expired': 'yes' });
  assert.deepEqual([second.deleted, second.freedBytes], [1, 100]);
  assert.deepEqual(await place.keys(`backups/orders/${old.id}/`), []);
});

test('a hold is a legal hold of every object, and a release lifts it', async () => {
  await using place = await lockable();
  const { id, keys } = await place.publish(50);
  await place.publish(40);
  const statuses = () =>
    Promise.all(
      keys.map(
        async (Key) =>
          (await client.send(new GetObjectLegalHoldCommand({ Bucket: place.bucket, Key }))).LegalHold?.Status,
      ),
    );

  const held = await holdBackup(place, { ...asked, id });
  const during = await statuses();
  const kept = await place.cleanUp('first');
  await releaseBackup(place, { ...asked, id });
  const after = await statuses();
  const gone = await place.cleanUp('second');

  assert.equal(held.legalHold, 'set');
  assert.deepEqual([during, after], [Array(3).fill('ON'), Array(3).fill('OFF')]);
  assert.deepEqual([kept.deleted, gone.deleted], [0, 1]);
});

test('a hold by somebody who may not set legal holds is made whole by the next cleanup', async () => {
  await using place = await lockable();
  const { id, keys } = await place.publish(50);
  await place.publish(40);
  const mayNot = new Proxy(place.store, {
    get: (store, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name === 'setLegalHold') return () => Promise.reject(new HoldfastError('store-denied', 'this role may not'));
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });

  const { legalHold } = await holdBackup({ ...place, store: mayNot }, { ...asked, id });
  const { deleted } = await place.cleanUp('first');

  assert.deepEqual([legalHold, deleted], ['later', 0]);
  assert.deepEqual(await place.store.protection(keys[0] ?? ''), { isHeld: true, lockedUntil: undefined });
});

test('a legal hold that nobody told Holdfast of is respected, and left alone', async () => {
  await using place = await lockable();
  const { id } = await place.publish(50);
  await place.publish(40);
  await place.store.setLegalHold(manifestKey(orders, id), true);

  const { plan, deleted } = await place.cleanUp('first');

  assert.equal(deleted, 0);
  assert.match(plan.decisions[0]?.reason ?? '', /^held since \S+ by 'the store': its objects have a legal hold$/);
  assert.equal((await place.store.protection(manifestKey(orders, id))).isHeld, true);
});
