import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { WalUploads } from '../../../lib/wal/receiver/uploads.ts';
import { segmentBytes, walPlace } from '../wal-place.ts';

describe('uploads of WAL', () => {
  test('each file is told once, with the bytes that it has in the store, and not when it was there', async () => {
    await using place = await walPlace();
    const names = ['000000010000000000000003', '000000010000000000000004', '000000010000000000000005'];
    const files = names.map((name, index) => ({ name, segmentBytes, plain: randomBytes(segmentBytes - index * 1000) }));
    const [first] = files;
    if (first !== undefined) await place.writer.write(first);
    const told: number[] = [];
    const uploads = new WalUploads({
      writer: place.writer,
      signal: new AbortController().signal,
      onDurable: () => {},
      onFailure: assert.ifError,
      onStored: (bytes) => told.push(bytes),
      onSettled: () => {},
    });

    assert.equal(uploads.slowestMs, 0);
    for (const file of files) uploads.add({ file, end: undefined });
    await uploads.settled();
    assert.ok(uploads.slowestMs > 0);

    const stored: number[] = [];
    for await (const { key, sizeBytes } of place.store.list('wal/'))
      if (!key.includes(names[0] ?? '')) stored.push(sizeBytes);
    const inOrder = (one: number, other: number): number => one - other;
    const wal = stored.filter((bytes) => bytes > segmentBytes / 2);
    assert.equal(wal.length, 2);
    assert.deepEqual(told.toSorted(inOrder), wal.toSorted(inOrder));
  });
});
