import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { Compression, EncryptionAlgorithm } from '../../lib/core/vocabulary.ts';
import { FrameProof } from '../../lib/pipeline/frame-proof.ts';
import { readBackStream } from '../../lib/pipeline/read-back.ts';
import { readStream } from '../../lib/pipeline/read-stream.ts';
import { collect, context, dataKey, inChunks, someBytes, withStore, write } from './pipeline-store.ts';

const settings = { rangeBytes: 3000, rangesInFlight: 3, blocksInFlight: 2 };

for (const compression of ['zstd', 'gzip', 'none'] as const satisfies readonly Compression[]) {
  for (const algorithm of ['aes-256-gcm', 'aes-256-cbc', 'none'] as const satisfies readonly EncryptionAlgorithm[]) {
    test(`what was written is found again, and nothing else is taken for it, with ${compression} and ${algorithm}`, async () => {
      await withStore(async (store, folder) => {
        const written = await write(store, inChunks(someBytes(40_000)), { compression, algorithm });
        const readBack = () => readBackStream({ store, written, algorithm, dataKey, context, settings });
        await readBack();

        const file = join(folder, written.objects[1]?.key ?? '');
        const bytes = await readFile(file);
        bytes.writeUInt8(bytes.readUInt8(3000) ^ 1, 3000);
        await writeFile(file, bytes);

        await assert.rejects(readBack(), { code: 'corrupt', message: /main\.00001'/ });
      });
    });
  }
}

test('frames that come back in another order than they went in are noticed', async () => {
  await withStore(async (store) => {
    const bytes = someBytes(8192);
    const written = await write(store, inChunks(bytes));
    const swapped = await write(
      store,
      inChunks(Buffer.concat([bytes.subarray(4096), bytes.subarray(0, 4096)])),
      {},
      'x',
    );

    const reading = readBackStream({
      ...{ store, algorithm: 'aes-256-gcm', dataKey, context, settings },
      written: { ...swapped, content: { ...swapped.content, crc32: written.content.crc32 } },
    });

    await assert.rejects(reading, { code: 'corrupt', message: /is not what was written/ });
  });
});

test('a stream that sums itself is read without a SHA-256 of its plain bytes', async () => {
  await withStore(async (store) => {
    const bytes = someBytes(40_000);

    const written = await write(store, inChunks(bytes), { isSummed: true });
    const { objects } = written;
    const read = await collect(
      readStream({ store, objects, compression: 'zstd', algorithm: 'aes-256-gcm', dataKey, context, settings }),
    );

    assert.equal(written.plainSha256, undefined);
    assert.deepEqual(
      objects.map(({ plainSha256 }) => plainSha256),
      [undefined, undefined, undefined],
    );
    assert.ok(read.equals(bytes));
  });
});

test('a frame of anything but its block is none that is kept', async () => {
  const block = someBytes(5000);
  const other = Buffer.from(block);
  other.writeUInt8(other.readUInt8(4999) ^ 1, 4999);
  const wrong = { code: 'internal', message: 'a block was compressed to something that does not give it back' };

  await new FrameProof('zstd').require(await promisify(zstdCompress)(block), block);
  await assert.rejects(new FrameProof('zstd').require(await promisify(zstdCompress)(other), block), wrong);
  await new FrameProof('gzip').require(await promisify(gzip)(block), block);
  await assert.rejects(new FrameProof('gzip').require(await promisify(gzip)(other), block), wrong);
});
