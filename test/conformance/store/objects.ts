import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { HoldfastError } from '../../../lib/core/errors.ts';
import { drain, keys, listOf, read, rejects } from './ask-store.ts';
import type { Given } from './given.ts';

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

/** Objects are read back as they were put, listed in order, under any key that may be, with their tags and versions. */
export function objects(given: () => Given): void {
  test('what was put is read back, and head and list describe it alike', async () => {
    const { store } = given();
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

  test('a put that was cancelled before it began writes nothing', async () => {
    const { store } = given();
    await rejects(store.put('cancelled', Buffer.from('x'), { signal: AbortSignal.abort() }), 'stopped');

    assert.equal(await store.head('cancelled'), undefined);
  });

  test('reading ends with an error when it is cancelled halfway', async () => {
    const { store } = given();
    await store.put('long', randomBytes(3 * 1024 ** 2));
    const controller = new AbortController();

    const { body } = await store.get('long', { signal: controller.signal });
    const reading = (async () => {
      for await (const _chunk of body) controller.abort();
    })();

    await rejects(reading, 'stopped');
  });

  test('a range gives its bytes, and nothing of what lies beyond the end', async () => {
    const { store } = given();
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
    const { store } = given();
    await rejects(store.get('nowhere/x'), 'object-missing');
    await rejects(store.tags('nowhere/x'), 'object-missing');
    await rejects(store.setTags('nowhere/x', { a: 'b' }), 'object-missing');

    assert.equal(await store.head('nowhere/x'), undefined);
    assert.deepEqual(await store.versions('nowhere/x'), []);
  });

  test('a listing is in the order of the keys, whatever the prefix ends with', async () => {
    const { store } = given();
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
    const { store } = given();
    const names = Array.from({ length: 1_050 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 25)
      await Promise.all(names.slice(i, i + 25).map((key) => store.put(key, Buffer.from('x'))));

    assert.deepEqual(await keys(store, 'many/'), names);
    assert.deepEqual(await keys(store, 'many/', 'many/1040'), names.slice(1041));
  });

  test('odd but allowed keys are stored, listed, read and deleted under their own names', async () => {
    const { factory, store } = given();
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
    const { store } = given();
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

  test('tags come with a put or an upload, can be changed, and are not listed as objects', async () => {
    const { store } = given();
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
    const { factory } = given();
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
}
