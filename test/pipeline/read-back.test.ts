import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Compression, EncryptionAlgorithm } from '../../lib/core/vocabulary.ts';
import { BlockCompressor } from '../../lib/pipeline/compress.ts';
import { FrameMaker } from '../../lib/pipeline/frame-maker.ts';
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

for (const compression of ['zstd', 'gzip'] as const) {
  test(`with ${compression}, a frame of anything but its block is none that is kept`, async () => {
    const compressor = new BlockCompressor(compression, 3);
    const block = someBytes(200_000);
    const other = Buffer.from(block);
    other.writeUInt8(other.readUInt8(199_999) ^ 1, 199_999);
    const frame = await compressor.compress(block);
    const flipped = Buffer.from(frame);
    flipped.writeUInt8(flipped.readUInt8(100_000) ^ 1, 100_000);
    const wrong = {
      'another block': await compressor.compress(other),
      'a shorter block': await compressor.compress(block.subarray(1)),
      'the block twice': Buffer.concat([frame, frame]),
      'something behind it': Buffer.concat([frame, Buffer.alloc(16)]),
      'a part of it': frame.subarray(0, -1),
      'a flipped bit': flipped,
    };
    const proof = new FrameProof(compression);

    await proof.require(frame, block);
    await proof.require(await compressor.compress(Buffer.alloc(0)), Buffer.alloc(0));
    for (const [what, compressed] of Object.entries(wrong))
      await assert.rejects(
        proof.require(compressed, block),
        { code: 'internal', message: 'a block was compressed to something that does not give it back' },
        what,
      );
    compressor.end();
  });
}

test('a compression that is ended while it is at work says so', async () => {
  const maker = new FrameMaker(3, 65_536);
  const making = maker.make(someBytes(5_000_000));

  maker.end();

  await assert.rejects(making, { message: 'the compression was ended' });
});
