import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { type PartPlan, partSizeOf } from '../../lib/core/part-plan.ts';
import { eraseAll } from '../../lib/store/erase-all.ts';
import type { ObjectInfo, Store } from '../../lib/store/store.ts';

/** What a kind of store brings to the suite. */
export type StoreFactory = {
  /** A new empty store. */
  readonly newStore: (options?: { readonly versioning?: boolean; readonly objectLock?: boolean }) => Promise<Store>;
  /** How many unfinished uploads of `key`, or files of them, the store still holds. */
  readonly leftovers: (store: Store, key: string) => Promise<number>;
  /** A plan with growing parts, as small as the store allows, and how many parts of it the suite is to write. */
  readonly growing: { readonly plan: PartPlan; readonly parts: number };
  readonly dispose: () => Promise<void>;
} & KnownDifferences;

/** Where real stores differ within the contract, with the reason. Data, so that no store skips a test. */
export type KnownDifferences = {
  /** How many versions an object has after two puts and a delete in a store made with versioning. */
  readonly versionsAfterTwoPutsAndDelete: { readonly count: number; readonly because: string };
  /** Whether a legal hold keeps an object from being removed. */
  readonly legalHold: { readonly isKnown: boolean; readonly because: string };
  /** Whether uploads that were begun and not completed can be found by their age. */
  readonly listsUploads: { readonly isKnown: boolean; readonly because: string };
  /** Keys that the contract allows and this server cannot hold. */
  readonly refusedKeys: { readonly keys: readonly string[]; readonly because: string };
};

const oddKeys = [
  'odd/with space',
  'odd/plus+percent%20and&amp;=?#',
  'odd/quotes\'"`$(x);',
  'odd/ümläut/日本語/🐘',
  'odd/-h',
  'odd/.hidden',
  'odd/a.b..c',
  'odd/star*[x]{y}~!@^|<>:,',
  `odd/${'n'.repeat(200)}`,
];

/** The contract of lib/store/store.ts as tests: every store passes the same ones. */
export function storeConformance(name: string, makeFactory: () => Promise<StoreFactory>): void {
  suite(`store contract: ${name}`, () => {
    let factory: StoreFactory;
    let store: Store;
    before(async () => {
      factory = await makeFactory();
      store = await factory.newStore();
    });
    after(async () => {
      await store?.close();
      await factory?.dispose();
    });

    test('what was put is read back, and head and list describe it alike', async () => {
      const body = randomBytes(100_000);
      const before = Date.now();

      const put = await store.put('plain/a', body, { contentType: 'application/json' });

      assert.deepEqual(await read(store, 'plain/a'), body);
      assert.equal(put.key, 'plain/a');
      assert.equal(put.sizeBytes, 100_000);
      assert.ok(Math.abs(put.modifiedAt.getTime() - before) < 60_000);
      const head = await store.head('plain/a');
      assert.equal(head?.etag, put.etag);
      assert.equal(head?.sizeBytes, 100_000);
      const [listed] = await listOf(store, 'plain/a');
      assert.equal(listed?.etag, put.etag);
      assert.equal(listed?.sizeBytes, 100_000);
    });

    test('an upload of unknown length becomes visible whole, at its completion', async () => {
      const { plan } = factory.growing;
      const parts = [1, 2, 3].map((n) => randomBytes(partSizeOf(n, plan))).concat(randomBytes(13));
      const whole = Buffer.concat(parts);

      const upload = await store.beginUpload('upload/a', { condition: 'absent', parts: plan });
      await Promise.all([3, 1, 4, 2].map((n) => upload.writePart(n, part(parts, n))));
      const headBefore = await store.head('upload/a');
      const listBefore = await listOf(store, 'upload/');
      await rejects(store.get('upload/a'), 'object-missing');
      const info = await upload.complete();

      assert.equal(headBefore, undefined);
      assert.deepEqual(listBefore, []);
      assert.equal(info.sizeBytes, whole.length);
      assert.ok((await read(store, 'upload/a')).equals(whole));
      assert.equal((await store.head('upload/a'))?.etag, info.etag);
      assert.equal(await factory.leftovers(store, 'upload/a'), 0);
    });

    test('an upload of one short part is an object', async () => {
      const upload = await store.beginUpload('upload/one');
      await upload.writePart(1, Buffer.from('short'));
      const info = await upload.complete();

      assert.equal(info.sizeBytes, 5);
      assert.equal(String(await read(store, 'upload/one')), 'short');
    });

    test('growing parts make one object in the order of their numbers', async () => {
      const { plan, parts } = factory.growing;

      const upload = await store.beginUpload('upload/growing', { parts: plan });
      const sizes = Array.from({ length: parts }, (_, i) => (i + 1 < parts ? partSizeOf(i + 1, plan) : 7));
      for (const [i, size] of sizes.entries()) await upload.writePart(i + 1, numbered(i + 1, size));
      const info = await upload.complete();

      assert.equal(
        info.sizeBytes,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      assert.ok(partSizeOf(parts, plan) > partSizeOf(1, plan));
      let start = 0;
      for (const [i, size] of sizes.entries()) {
        if (i < 3 || i % 97 === 0 || i > parts - 3) {
          const piece = await read(store, 'upload/growing', { start, end: start + size });
          assert.ok(piece.equals(numbered(i + 1, size)), `part ${i + 1}`);
        }
        start += size;
      }
      await store.delete('upload/growing');
    });

    test('an upload with a gap, an oversized or an empty part is refused', async () => {
      const { plan } = factory.growing;
      const gap = await store.beginUpload('upload/gap', { parts: plan });
      await gap.writePart(2, Buffer.from('second'));
      await rejects(gap.complete(), 'internal');
      await gap.abort();

      const large = await store.beginUpload('upload/large', { parts: plan });
      await rejects(large.writePart(1, Buffer.alloc(partSizeOf(1, plan) + 1)), 'internal');
      await rejects(large.writePart(1, Buffer.alloc(0)), 'internal');
      await large.abort();

      assert.deepEqual(await listOf(store, 'upload/gap'), []);
      assert.equal(await factory.leftovers(store, 'upload/gap'), 0);
      assert.equal(await factory.leftovers(store, 'upload/large'), 0);
    });

    test('an aborted upload leaves nothing, and may be aborted twice', async () => {
      const upload = await store.beginUpload('upload/aborted');
      await upload.writePart(1, randomBytes(50_000));

      await upload.abort();
      await upload.abort();

      assert.equal(await store.head('upload/aborted'), undefined);
      assert.equal(await factory.leftovers(store, 'upload/aborted'), 0);
    });

    test('a cancelled upload rejects with the reason and leaves nothing', async () => {
      const controller = new AbortController();
      const upload = await store.beginUpload('upload/cancelled', { signal: controller.signal });
      await upload.writePart(1, Buffer.alloc(1000, 1));

      controller.abort(new HoldfastError('deadline', 'time is up'));
      await rejects(upload.complete(), 'deadline');
      await upload.abort();

      assert.equal(await store.head('upload/cancelled'), undefined);
      assert.equal(await factory.leftovers(store, 'upload/cancelled'), 0);
    });

    test('a put that was cancelled before it began writes nothing', async () => {
      await rejects(store.put('cancelled', Buffer.from('x'), { signal: AbortSignal.abort() }), 'stopped');

      assert.equal(await store.head('cancelled'), undefined);
    });

    test('reading ends with an error when it is cancelled halfway', async () => {
      await store.put('long', randomBytes(3 * 1024 ** 2));
      const controller = new AbortController();

      const { body } = await store.get('long', { signal: controller.signal });
      const reading = (async () => {
        for await (const _chunk of body) controller.abort();
      })();

      await rejects(reading, 'stopped');
    });

    test('an object may be empty, put or uploaded', async () => {
      await store.put('empty/put', new Uint8Array());
      const upload = await store.beginUpload('empty/upload', { condition: 'absent' });
      const info = await upload.complete();

      assert.equal(info.sizeBytes, 0);
      assert.equal((await read(store, 'empty/put')).length, 0);
      assert.equal((await read(store, 'empty/upload')).length, 0);
      assert.equal(await factory.leftovers(store, 'empty/upload'), 0);
    });

    test('a range gives its bytes, and nothing of what lies beyond the end', async () => {
      await store.put('range', Buffer.from('0123456789'));
      const ranged = async (start: number, end?: number): Promise<string> =>
        String(await read(store, 'range', end === undefined ? { start } : { start, end }));

      assert.equal(await ranged(0, 1), '0');
      assert.equal(await ranged(3, 7), '3456');
      assert.equal(await ranged(8), '89');
      assert.equal(await ranged(8, 100), '89');
      assert.equal(await ranged(4, 4), '');
      assert.equal(await ranged(10), '');
      assert.equal(await ranged(50, 60), '');
      assert.equal((await store.get('range', { range: { start: 3, end: 7 } })).sizeBytes, 10);
      await drain((await store.get('range')).body);
    });

    test('what is missing is said to be missing before the first byte', async () => {
      await rejects(store.get('nowhere/x'), 'object-missing');
      await rejects(store.tags('nowhere/x'), 'object-missing');
      await rejects(store.setTags('nowhere/x', { a: 'b' }), 'object-missing');

      assert.equal(await store.head('nowhere/x'), undefined);
      assert.deepEqual(await store.versions('nowhere/x'), []);
    });

    test('a listing is in the order of the keys, whatever the prefix ends with', async () => {
      for (const key of ['list/b/2', 'list/a/c', 'list/a-b', 'list/a/b/c', 'list/B', 'list/ab', 'list/b/10', 'list/é'])
        await store.put(key, Buffer.from(key));

      const all = ['list/B', 'list/a-b', 'list/a/b/c', 'list/a/c', 'list/ab', 'list/b/10', 'list/b/2', 'list/é'];
      assert.deepEqual(await keys(store, 'list/'), all);
      assert.deepEqual(await keys(store, 'list'), all);
      assert.deepEqual(await keys(store, 'list/a'), ['list/a-b', 'list/a/b/c', 'list/a/c', 'list/ab']);
      assert.deepEqual(await keys(store, 'list/a/'), ['list/a/b/c', 'list/a/c']);
      assert.deepEqual(await keys(store, 'list/b/1'), ['list/b/10']);
      assert.deepEqual(await keys(store, 'list/nothing'), []);
      assert.deepEqual(await keys(store, 'list/', 'list/a/b/c'), all.slice(3));
      assert.deepEqual(await keys(store, 'list/', 'list/a/b'), all.slice(2));
      assert.deepEqual(await keys(store, 'list/', 'list/b/10'), all.slice(6));
      assert.deepEqual(await keys(store, 'list/', 'list/zzz'), ['list/é']);
    });

    test('a listing goes on over more than one page of 1,000', async () => {
      const names = Array.from({ length: 1_050 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
      for (let i = 0; i < names.length; i += 25)
        await Promise.all(names.slice(i, i + 25).map((key) => store.put(key, Buffer.from('x'))));

      assert.deepEqual(await keys(store, 'many/'), names);
      assert.deepEqual(await keys(store, 'many/', 'many/1040'), names.slice(1041));
    });

    test('a write-once object is not overwritten', async () => {
      await store.put('once', Buffer.from('first'), { condition: 'absent' });
      await rejects(store.put('once', Buffer.from('second'), { condition: 'absent' }), 'already-exists');
      const upload = await store.beginUpload('once', { condition: 'absent' });
      await upload.writePart(1, Buffer.from('third'));
      await rejects(upload.complete(), 'already-exists');
      await upload.abort();

      assert.equal(String(await read(store, 'once')), 'first');
      assert.equal(await factory.leftovers(store, 'once'), 0);
    });

    test('of 20 that create one object at once, one succeeds', async () => {
      const bodies = Array.from({ length: 20 }, (_, i) => `writer ${i}`);

      const outcomes = await Promise.allSettled(
        bodies.map((body) => store.put('race/create', Buffer.from(body), { condition: 'absent' })),
      );

      const winner = theOnlyWinner(outcomes);
      assert.equal(String(await read(store, 'race/create')), `writer ${winner}`);
    });

    test('of 8 uploads that complete one write-once object at once, one succeeds', async () => {
      const uploads = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const upload = await store.beginUpload('race/upload', { condition: 'absent' });
          await upload.writePart(1, Buffer.from(`upload ${i}`));
          return upload;
        }),
      );

      const outcomes = await Promise.allSettled(uploads.map((upload) => upload.complete()));

      const winner = theOnlyWinner(outcomes);
      await Promise.all(uploads.map((upload, i) => (i === winner ? undefined : upload.abort())));
      assert.equal(String(await read(store, 'race/upload')), `upload ${winner}`);
    });

    test('an object is replaced only while it is the one that was read', async () => {
      const first = await store.put('replace', Buffer.from('first'));

      const second = await store.put('replace', Buffer.from('second'), { condition: { etag: first.etag } });
      await rejects(store.put('replace', Buffer.from('late'), { condition: { etag: first.etag } }), 'already-exists');
      await rejects(
        store.put('replace-none', Buffer.from('late'), { condition: { etag: first.etag } }),
        'already-exists',
      );

      assert.notEqual(second.etag, first.etag);
      assert.equal(String(await read(store, 'replace')), 'second');
      assert.equal(await store.head('replace-none'), undefined);
    });

    test('of 20 that replace one state of an object at once, one succeeds', async () => {
      const { etag } = await store.put('race/replace', Buffer.from('old'));
      const bodies = Array.from({ length: 20 }, (_, i) => `replacer ${i}`);

      const outcomes = await Promise.allSettled(
        bodies.map((body) => store.put('race/replace', Buffer.from(body), { condition: { etag } })),
      );

      const winner = theOnlyWinner(outcomes);
      assert.equal(String(await read(store, 'race/replace')), `replacer ${winner}`);
    });

    test('odd but allowed keys are stored, listed, read and deleted under their own names', async () => {
      const allowed = oddKeys.filter((key) => !factory.refusedKeys.keys.includes(key));
      for (const key of allowed) await store.put(key, Buffer.from(key), { condition: 'absent' });

      assert.deepEqual(new Set(await keys(store, 'odd/')), new Set(allowed));
      for (const key of allowed) assert.equal(String(await read(store, key)), key);
      for (const key of allowed) await store.delete(key);
      assert.deepEqual(await keys(store, 'odd/'), []);
      for (const key of factory.refusedKeys.keys)
        await assert.rejects(store.put(key, Buffer.from(key)), HoldfastError, key);
    });

    test('keys that could leave the store or that no store can hold are refused', async () => {
      const bad = ['', '/a', 'a/', 'a//b', '../a', 'a/../../b', './a', 'a/..', 'a\\b', 'a\nb', 'a\0b', '.store/tmp/x'];
      for (const key of [...bad, 'x'.repeat(1025), `a/${'x'.repeat(256)}`, '\ud800']) {
        await rejects(store.put(key, Buffer.from('x')), 'internal');
        await rejects(store.get(key), 'internal');
        await rejects(store.delete(key), 'internal');
        await rejects(store.beginUpload(key), 'internal');
      }
      assert.deepEqual(await keys(store, '../'), []);
      assert.deepEqual(await keys(store, '.store'), []);
    });

    test('deleting is final, and may be done twice', async () => {
      await store.put('gone/a', Buffer.from('x'), { tags: { tier: 'daily' } });

      await store.delete('gone/a');
      await store.delete('gone/a');

      assert.equal(await store.head('gone/a'), undefined);
      await rejects(store.get('gone/a'), 'object-missing');
      await store.put('gone/a', Buffer.from('y'), { condition: 'absent' });
      assert.deepEqual(await store.tags('gone/a'), {});
    });

    test('erasing takes all that a prefix names, with every version and marker, and nothing beside it', async () => {
      const versioned = await factory.newStore({ versioning: true });
      for (const key of ['e/a/1', 'e/a/2', 'e/ab', 'e/b']) await versioned.put(key, Buffer.from('0123456789'));
      await versioned.put('e/a/2', Buffer.from('01234'));
      await versioned.put('e/a/3', Buffer.from('x'));
      await versioned.delete('e/a/3');

      const erased = await eraseAll(versioned, 'e/a/');

      const kept = factory.versionsAfterTwoPutsAndDelete.count > 0;
      assert.deepEqual(erased, { objects: kept ? 4 : 2, freedBytes: kept ? 26 : 15, retained: [] });
      assert.deepEqual(await keys(versioned, 'e/'), ['e/ab', 'e/b']);
      for (const key of ['e/a/1', 'e/a/2', 'e/a/3']) assert.deepEqual(await versioned.versions(key), []);
      assert.deepEqual(await eraseAll(versioned, 'e/a/'), { objects: 0, freedBytes: 0, retained: [] });
      await versioned.close();
    });

    test('erasing goes on over more than one page, and takes one key alone when that is the prefix', async () => {
      const names = Array.from({ length: 1_020 }, (_, i) => `pages/${String(i).padStart(4, '0')}`);
      for (let i = 0; i < names.length; i += 20)
        await Promise.all(names.slice(i, i + 20).map((key) => store.put(key, Buffer.from('x'))));

      assert.equal((await eraseAll(store, 'pages/0000')).objects, 1);
      const first = await store.erase('pages/');
      const rest = await eraseAll(store, 'pages/');

      assert.notEqual(first.next, undefined);
      assert.equal(first.objects + rest.objects, 1_019);
      assert.deepEqual(await keys(store, 'pages/'), []);
    });

    test('erasing by age leaves what is younger, and a prefix that no key can have names nothing', async () => {
      await store.put('aged/a', Buffer.from('x'));

      const young = await eraseAll(store, 'aged/', { modifiedBefore: new Date(Date.now() - 3_600_000) });
      const old = await eraseAll(store, 'aged/', { modifiedBefore: new Date(Date.now() + 3_600_000) });

      assert.deepEqual([young.objects, old.objects], [0, 1]);
      assert.equal((await eraseAll(store, '../')).objects, 0);
    });

    test('erasing up to a key leaves that key and what sorts after it, over more than one page', async () => {
      const names = Array.from({ length: 1_020 }, (_, i) => `bounded/${String(i).padStart(4, '0')}`);
      for (let i = 0; i < names.length; i += 20)
        await Promise.all(names.slice(i, i + 20).map((key) => store.put(key, Buffer.from('x'))));

      const { objects } = await eraseAll(store, 'bounded/', { before: 'bounded/1010' });

      assert.equal(objects, 1_010);
      assert.equal((await keys(store, 'bounded/'))[0], 'bounded/1010');
      assert.equal((await store.erase('bounded/', { before: 'bounded/1010' })).next, undefined);
      assert.equal((await eraseAll(store, 'bounded/')).objects, 10);
    });

    test('what has a legal hold is retained and told, and the rest goes', async () => {
      const lockable = await factory.newStore({ objectLock: true });
      await lockable.put('held/a', Buffer.from('0123456789'));
      await lockable.put('held/b', Buffer.from('01234'));

      const isSet = await lockable.setLegalHold('held/a', true);
      assert.equal(isSet, factory.legalHold.isKnown);
      assert.deepEqual(await lockable.protection('held/a'), { isHeld: isSet, lockedUntil: undefined });
      assert.deepEqual(await lockable.protection('held/b'), { isHeld: false, lockedUntil: undefined });
      const { objects, freedBytes, retained } = await eraseAll(lockable, 'held/');
      assert.deepEqual([objects, freedBytes], isSet ? [1, 5] : [2, 15]);
      assert.deepEqual(retained, isSet ? [{ key: 'held/a', sizeBytes: 10, isHeld: true, lockedUntil: undefined }] : []);
      assert.deepEqual(await keys(lockable, 'held/'), isSet ? ['held/a'] : []);
      if (isSet) await lockable.setLegalHold('held/a', false);
      assert.equal((await eraseAll(lockable, 'held/')).objects, isSet ? 1 : 0);
      await lockable.close();
    });

    test('where nothing can be locked there is no legal hold', async () => {
      await store.put('unlockable', Buffer.from('x'));

      assert.equal(await store.setLegalHold('unlockable', true), false);
      assert.deepEqual(await store.protection('unlockable'), { isHeld: false, lockedUntil: undefined });
    });

    test('uploads that nobody completed are given up by their age', async () => {
      const upload = await store.beginUpload('abandoned/a');
      await upload.writePart(1, Buffer.alloc(1000, 1));

      const young = await store.abandonUploads(new Date(Date.now() - 3_600_000));
      const old = await store.abandonUploads(new Date(Date.now() + 3_600_000));

      assert.deepEqual([young, old], [0, factory.listsUploads.isKnown ? 1 : 0]);
      if (factory.listsUploads.isKnown) assert.equal(await factory.leftovers(store, 'abandoned/a'), 0);
      await upload.abort();
    });

    test('tags come with a put or an upload, can be changed, and are not listed as objects', async () => {
      await store.put('tagged/put', Buffer.from('x'), { tags: { tier: 'daily', 'retain until': '2026-12-01 + more' } });
      const upload = await store.beginUpload('tagged/upload', { tags: { tier: 'weekly' } });
      await upload.writePart(1, Buffer.from('x'));
      await upload.complete();
      await store.put('tagged/none', Buffer.from('x'));

      assert.deepEqual(await store.tags('tagged/put'), { tier: 'daily', 'retain until': '2026-12-01 + more' });
      assert.deepEqual(await store.tags('tagged/upload'), { tier: 'weekly' });
      assert.deepEqual(await store.tags('tagged/none'), {});
      await store.setTags('tagged/put', { held: 'yes' });
      assert.deepEqual(await store.tags('tagged/put'), { held: 'yes' });
      await store.setTags('tagged/put', {});
      assert.deepEqual(await store.tags('tagged/put'), {});
      assert.deepEqual(await keys(store, 'tagged/'), ['tagged/none', 'tagged/put', 'tagged/upload']);
    });

    test('versions come newest first', async () => {
      const versioned = await factory.newStore({ versioning: true });
      await versioned.put('v', Buffer.from('one'));
      await versioned.put('v', Buffer.from('three'));

      const [newest] = await versioned.versions('v');
      assert.equal(newest?.sizeBytes, 5);
      assert.equal(newest?.isLatest, true);
      assert.equal(newest?.isDeleted, false);
      await versioned.delete('v');
      const left = await versioned.versions('v');
      assert.equal(left.length, factory.versionsAfterTwoPutsAndDelete.count);
      if (left.length > 0) {
        assert.deepEqual(
          left.map((version) => [version.isDeleted, version.isLatest, version.sizeBytes]),
          [
            [true, true, 0],
            [false, false, 5],
            [false, false, 3],
          ],
        );
      }
      assert.equal(await versioned.head('v'), undefined);
      await versioned.close();
    });
  });
}

export async function read(store: Store, key: string, range?: { start: number; end?: number }): Promise<Buffer> {
  return await drain((await store.get(key, range === undefined ? {} : { range })).body);
}

export async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HoldfastError, `not one of ours: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listOf(store: Store, prefix: string, startAfter?: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of store.list(prefix, startAfter === undefined ? {} : { startAfter })) found.push(info);
  return found;
}

async function keys(store: Store, prefix: string, startAfter?: string): Promise<string[]> {
  return (await listOf(store, prefix, startAfter)).map((info) => info.key);
}

/** Bytes that say which part they belong to. */
function numbered(partNumber: number, size: number): Buffer {
  return Buffer.alloc(size, `part ${partNumber} `);
}

function part(parts: readonly Buffer[], partNumber: number): Buffer {
  const found = parts[partNumber - 1];
  assert.ok(found);
  return found;
}

/** The index of the one that succeeded; all others have to have been told that they were too late. */
function theOnlyWinner(outcomes: readonly PromiseSettledResult<unknown>[]): number {
  const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'already-exists', outcome.reason.message);
  }
  assert.equal(winners.length, 1);
  return winners[0] ?? -1;
}
