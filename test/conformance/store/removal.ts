import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eraseAll } from '../../../lib/store/erase-all.ts';
import { keys, rejects } from './ask-store.ts';
import type { Given } from './given.ts';

/** What is removed is gone, with all of its versions, unless it is held. */
export function removal(given: () => Given): void {
  test('deleting is final, and may be done twice', async () => {
    const { store } = given();
    await store.put('gone/a', Buffer.from('x'), { tags: { tier: 'daily' } });

    await store.delete('gone/a');
    await store.delete('gone/a');

    assert.equal(await store.head('gone/a'), undefined);
    await rejects(store.get('gone/a'), 'object-missing');
    await store.put('gone/a', Buffer.from('y'), { condition: 'absent' });
    assert.deepEqual(await store.tags('gone/a'), {});
  });

  test('erasing takes all that a prefix names, with every version and marker, and nothing beside it', async () => {
    const { factory } = given();
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
    const { store } = given();
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
    const { store } = given();
    await store.put('aged/a', Buffer.from('x'));

    const young = await eraseAll(store, 'aged/', { modifiedBefore: new Date(Date.now() - 3_600_000) });
    const old = await eraseAll(store, 'aged/', { modifiedBefore: new Date(Date.now() + 3_600_000) });

    assert.deepEqual([young.objects, old.objects], [0, 1]);
    assert.equal((await eraseAll(store, '../')).objects, 0);
  });

  test('erasing up to a key leaves that key and what sorts after it, over more than one page', async () => {
    const { store } = given();
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
    const { factory } = given();
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
    const { store } = given();
    await store.put('unlockable', Buffer.from('x'));

    assert.equal(await store.setLegalHold('unlockable', true), false);
    assert.deepEqual(await store.protection('unlockable'), { isHeld: false, lockedUntil: undefined });
  });
}
