import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { constants as zlib, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BlockCompressor } from '../../lib/pipeline/compress.ts';

const blockBytes = 256 * 1024;

/** The same bytes on every run, which look random. */
function noise(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2)).update(Buffer.alloc(length));
}

const hexDigits = Buffer.from(noise(blockBytes / 2).toString('hex'));
const rows = Buffer.from(
  Array.from({ length: 8192 }, (_, n) => `${n}\tGET /shops/${n % 311}/orders/${(n * 7919) % 100_003}\n`).join(''),
).subarray(0, blockBytes);

/** The level that the frame's size is of; whether an empty block of 3 bytes ends a frame depends on how its buffer was filled. */
function levelOf(frame: Buffer, block: Buffer, levels: readonly number[]): number | undefined {
  return levels.find((level) => {
    const params = { [zlib.ZSTD_c_compressionLevel]: level, [zlib.ZSTD_c_checksumFlag]: 1 };
    return Math.abs(zstdCompressSync(block, { params, pledgedSrcSize: block.length }).length - frame.length) <= 3;
  });
}

test('blocks for which level 1 does better are compressed at level 1', async () => {
  const compressor = new BlockCompressor('zstd', 3);

  const frames = [await compressor.compress(hexDigits), await compressor.compress(hexDigits)];

  for (const frame of frames) {
    assert.equal(levelOf(frame, hexDigits, [1, 3]), 1);
    assert.deepEqual(zstdDecompressSync(frame), hexDigits);
  }
});

test('blocks for which the asked level does better are compressed at it', async () => {
  const compressor = new BlockCompressor('zstd', 9);

  const frames = [await compressor.compress(rows), await compressor.compress(rows)];

  for (const frame of frames) assert.equal(levelOf(frame, rows, [1, 15]), 15);
});

test('what follows hex digits is tried at the asked level again after 16 blocks', async () => {
  const compressor = new BlockCompressor('zstd', 9);
  await compressor.compress(hexDigits);

  const levels: (number | undefined)[] = [];
  for (let block = 1; block <= 17; block++) levels.push(levelOf(await compressor.compress(rows), rows, [1, 15]));

  assert.deepEqual(levels, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 15, 15]);
});
