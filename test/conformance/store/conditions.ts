import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read, rejects } from './ask-store.ts';
import type { Given } from './given.ts';

/** Of several that write one object, one wins, and the others are told. */
export function conditions(given: () => Given): void {
  test('a write-once object is not overwritten', async () => {
    const { factory, store } = given();
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
    const { store } = given();
    const bodies = Array.from({ length: 20 }, (_, i) => `writer ${i}`);

    const outcomes = await Promise.allSettled(
      bodies.map((body) => store.put('race/create', Buffer.from(body), { condition: 'absent' })),
    );

    const winner = theOnlyWinner(outcomes);
    assert.equal(String(await read(store, 'race/create')), `writer ${winner}`);
  });

  test('of 8 uploads that complete one write-once object at once, one succeeds', async () => {
    const { store } = given();
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
    const { store } = given();
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
    const { store } = given();
    const { etag } = await store.put('race/replace', Buffer.from('old'));
    const bodies = Array.from({ length: 20 }, (_, i) => `replacer ${i}`);

    const outcomes = await Promise.allSettled(
      bodies.map((body) => store.put('race/replace', Buffer.from(body), { condition: { etag } })),
    );

    const winner = theOnlyWinner(outcomes);
    assert.equal(String(await read(store, 'race/replace')), `replacer ${winner}`);
  });
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
