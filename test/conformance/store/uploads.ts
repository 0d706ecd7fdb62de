import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { HoldfastError } from '../../../lib/core/errors.ts';
import { partSizeOf } from '../../../lib/core/part-plan.ts';
import { listOf, read, rejects } from './ask-store.ts';
import type { Given } from './given.ts';

/** Uploads become visible whole or not at all, and leave nothing behind. */
export function uploads(given: () => Given): void {
  test('an upload of unknown length becomes visible whole, at its completion', async () => {
    const { factory, store } = given();
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
    const { store } = given();
    const upload = await store.beginUpload('upload/one');
    await upload.writePart(1, Buffer.from('short'));
    const info = await upload.complete();

    assert.equal(info.sizeBytes, 5);
    assert.equal(String(await read(store, 'upload/one')), 'short');
  });

  test('growing parts make one object in the order of their numbers', async () => {
    const { factory, store } = given();
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
    const { factory, store } = given();
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
    const { factory, store } = given();
    const upload = await store.beginUpload('upload/aborted');
    await upload.writePart(1, randomBytes(50_000));

    await upload.abort();
    await upload.abort();

    assert.equal(await store.head('upload/aborted'), undefined);
    assert.equal(await factory.leftovers(store, 'upload/aborted'), 0);
  });

  test('a cancelled upload rejects with the reason and leaves nothing', async () => {
    const { factory, store } = given();
    const controller = new AbortController();
    const upload = await store.beginUpload('upload/cancelled', { signal: controller.signal });
    await upload.writePart(1, Buffer.alloc(1000, 1));

    controller.abort(new HoldfastError('deadline', 'time is up'));
    await rejects(upload.complete(), 'deadline');
    await upload.abort();

    assert.equal(await store.head('upload/cancelled'), undefined);
    assert.equal(await factory.leftovers(store, 'upload/cancelled'), 0);
  });

  test('an object may be empty, put or uploaded', async () => {
    const { factory, store } = given();
    await store.put('empty/put', new Uint8Array());
    const upload = await store.beginUpload('empty/upload', { condition: 'absent' });
    const info = await upload.complete();

    assert.equal(info.sizeBytes, 0);
    assert.equal((await read(store, 'empty/put')).length, 0);
    assert.equal((await read(store, 'empty/upload')).length, 0);
    assert.equal(await factory.leftovers(store, 'empty/upload'), 0);
  });

  test('uploads that nobody completed are given up by their age', async () => {
    const { factory, store } = given();
    const upload = await store.beginUpload('abandoned/a');
    await upload.writePart(1, Buffer.alloc(1000, 1));

    const young = await store.abandonUploads(new Date(Date.now() - 3_600_000));
    const old = await store.abandonUploads(new Date(Date.now() + 3_600_000));

    assert.deepEqual([young, old], [0, factory.listsUploads.isKnown ? 1 : 0]);
    if (factory.listsUploads.isKnown) assert.equal(await factory.leftovers(store, 'abandoned/a'), 0);
    await upload.abort();
  });
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
