import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { markInUse } from '../../lib/store/in-use.ts';
import type { EraseOptions } from '../../lib/store/store.ts';
import { openWal } from '../../lib/wal/open-wal.ts';
import { pieceName } from '../../lib/wal/wal-names.ts';
import { segmentBytes, systemIdentifier, target, type WalPlace, walPlace } from '../wal/wal-place.ts';
import { type CleanupPlace, cleanupPlace, type Published } from './cleanup-place.ts';
import { publishBase as publishBaseOf } from './publish-base.ts';

let wal: WalPlace;
let place: CleanupPlace;
beforeEach(async () => {
  wal = await walPlace();
  place = cleanupPlace(wal.store);
});
afterEach(async () => await wal[Symbol.asyncDispose]());

const folder = `wal/${target}/${systemIdentifier}`;
const nameOf = (number: number): string =>
  `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;
const lsnOf = (segment: number, offset: number): string => `0/${(segment * segmentBytes + offset).toString(16)}`;

/** Segments 1 to 6 of the log, the fourth in pieces as well; the seventh is not full yet. */
async function writeLog(): Promise<ReadonlyMap<number, Buffer>> {
  const contents = new Map<number, Buffer>();
  for (let number = 1; number <= 6; number += 1) {
    const plain = randomBytes(segmentBytes);
    contents.set(number, plain);
    await wal.writer.write({ name: nameOf(number), segmentBytes, plain });
    if (number === 4)
      await wal.writer.write({ name: pieceName(nameOf(4), 0, 4096), segmentBytes, plain: plain.subarray(0, 4096) });
  }
  await wal.writer.write({ name: pieceName(nameOf(7), 0, 4096), segmentBytes, plain: randomBytes(4096) });
  return contents;
}

const publishBase = (daysAgo: number, segment: number, facts: Readonly<Record<string, null>> = {}) =>
  publishBaseOf(place, daysAgo, {
    ...{ systemIdentifier, timeline: 1, segmentBytes, startLsn: lsnOf(segment, 40), endLsn: lsnOf(segment, 256) },
    ...facts,
  });

const inLog = async (): Promise<readonly string[]> =>
  (await place.keys(`${folder}/00000001/`)).map((key) => key.slice(`${folder}/00000001/`.length + 22));
const everything = ['01', '02', '03', '04', '04.partial-00000000-00001000', '05', '06', '07.partial-00000000-00001000'];
const reachOf = (segment: number) =>
  openWal(wal.context, target, systemIdentifier).reachable({ timeline: 1, lsn: lsnOf(segment, 40) });

test('the log goes up to the beginning of the oldest base that stays, and what that reaches is as it was', async () => {
  const contents = await writeLog();
  const old = await publishBase(50, 1);
  await publishBase(40, 3);
  const before = await reachOf(3);

  const { plan, ...totals } = await place.cleanUp('first');

  assert.deepEqual(await inLog(), ['03', '04', '05', '06', '07.partial-00000000-00001000']);
  assert.deepEqual(await place.keys(`backups/${target}/${old.id}/`), []);
  // Two data objects and the manifest, two segments, and a piece of a segment that is there whole.
  assert.deepEqual([totals.deleted, totals.removedObjects, totals.postponed], [1, 6, 0]);
  assert.deepEqual(
    plan.logs.map(({ verdict, rule, first, last, objects }) => [verdict, rule, first, last, objects]),
    [
      ['delete', 'before-backups', nameOf(1), nameOf(2), 2],
      ['delete', 'whole', pieceName(nameOf(4), 0, 4096), pieceName(nameOf(4), 0, 4096), 1],
      ['keep', 'needed', nameOf(3), pieceName(nameOf(7), 0, 4096), 5],
    ],
  );
  assert.deepEqual(await reachOf(3), before);
  const read = Buffer.concat(await Array.fromAsync(openWal(wal.context, target, systemIdentifier).read(nameOf(4))));
  assert.deepEqual(read, contents.get(4));
  assert.equal((await place.keys(`${folder}/keys/`)).length, 1);

  const again = await place.cleanUp('second');
  assert.deepEqual([again.removedObjects, again.plan.logs.length], [0, 1]);
});

test('a backup that is read after all keeps the log that it needs, and the next cleanup takes both', async () => {
  await writeLog();
  const old = await publishBase(50, 1);
  await publishBase(40, 3);
  const planned = await place.plan('first');
  const mark = await markOf(old);

  const first = await place.execute(planned);

  assert.deepEqual([first.deleted, first.postponed], [0, 2]);
  assert.deepEqual(
    await inLog(),
    everything.filter((name) => !name.startsWith('04.')),
  );
  assert.ok(place.logged.some((line) => line.startsWith(`the log '${folder}/00000001/' stays for now`)));
  await place.store.delete(mark);
  const second = await place.cleanUp('second');
  assert.equal(second.deleted, 1);
  assert.equal((await inLog())[0], '03');
});

test('a base that is published after the plan and begins earlier keeps its log', async () => {
  await writeLog();
  await publishBase(40, 5);
  const planned = await place.plan('first');
  // Of a standby that lags behind.
  await publishBase(39, 2);

  const totals = await place.execute(planned);

  assert.equal(totals.postponed, 1);
  assert.deepEqual((await inLog()).slice(0, 2), ['01', '02']);
  await place.cleanUp('second');
  assert.equal((await inLog())[0], '02');
});

test('nothing of a log goes while a kept base does not say where it begins, or cannot be read', async () => {
  await writeLog();
  await publishBase(40, 5);
  const mute = await publishBase(39, 5, { segmentBytes: null });

  const { plan } = await place.cleanUp('first');

  assert.deepEqual(await inLog(), everything);
  assert.deepEqual(
    plan.logs.map(({ verdict, reason }) => [verdict, reason]),
    [['keep', `the manifest of '${mute.id}' does not say from where on it needs the log`]],
  );
  await place.store.put(manifestKey(target, mute.id), Buffer.from('{'));
  const second = await place.cleanUp('second');
  assert.deepEqual(await inLog(), everything);
  assert.equal(second.plan.logs[0]?.rule, 'unknown');
});

test('a cleanup that died within a log leaves its later part, and the next one goes on', async () => {
  await writeLog();
  await publishBase(40, 5);
  const planned = await place.plan('first');
  const dying = new Proxy(place.store, {
    get: (store, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name !== 'erase') return typeof value === 'function' ? value.bind(store) : value;
      return async (prefix: string, options: EraseOptions = {}) => {
        if (!prefix.startsWith('wal/')) return store.erase(prefix, options);
        await store.erase(prefix, { ...options, before: `${folder}/00000001/${nameOf(3)}` });
        throw new Error('killed');
      };
    },
  });

  await assert.rejects(place.execute(planned, dying), { message: 'killed' });

  assert.equal((await inLog())[0], '03');
  await place.execute(planned);
  assert.deepEqual(await inLog(), ['05', '06', '07.partial-00000000-00001000']);
});

async function markOf({ id }: Published): Promise<string> {
  const mark = await markInUse(place.store, {
    ...{ target, id, reader: 'a-restore', holder: 'a-restore', description: 'restore a-restore' },
    clock: place.clock,
  });
  assert.ok(mark);
  const [key] = await place.keys(`in-use/${target}/${id}/`);
  return key ?? '';
}
