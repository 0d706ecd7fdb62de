import { gunzip } from 'node:zlib';
import pLimit from 'p-limit';
import { HoldfastError } from '../core/errors.ts';
import type { Compression } from '../core/vocabulary.ts';
import { decompressFrame } from './decompress.ts';
import { freeMemory } from './free-memory.ts';
import { zstdFramesOf } from './zstd-frames.ts';

/** How many blocks are proved at once: decompressing is fast enough for these to keep up with the compression. */
export const proofsAtOnce = 2;

/**
 * Proves of what a block was compressed to, while the block is still there, that it gives that block back, byte by byte, and nothing more: read as
 * a restore reads it. What comes back from the store then has to be those frames, and is not decompressed and summed once more.
 */
export class FrameProof {
  readonly #plainOf: (compressed: Buffer) => AsyncIterable<Buffer>;
  readonly #limit = pLimit(proofsAtOnce);

  constructor(compression: Exclude<Compression, 'none'>) {
    this.#plainOf = readers[compression];
  }

  /** Rejects with `internal` when `compressed` does not give `block` back; a table or the like has to give nothing. */
  require(compressed: Buffer, block: Buffer): Promise<void> {
    return this.#limit(async () => {
      let at = 0;
      try {
        for await (const plain of this.#plainOf(compressed)) {
          const { length } = plain;
          if (!plain.equals(block.subarray(at, at + length))) throw new Error(`it differs after byte ${at}`);
          at += length;
          freeMemory(plain);
        }
        if (at !== block.length) throw new Error(`it gives ${at} bytes of ${block.length}`);
      } catch (cause) {
        throw new HoldfastError('internal', 'a block was compressed to something that does not give it back', {
          cause,
        });
      }
    });
  }
}

const readers: Readonly<Record<Exclude<Compression, 'none'>, (compressed: Buffer) => AsyncIterable<Buffer>>> = {
  async *zstd(compressed) {
    for await (const frame of zstdFramesOf(only(compressed))) yield await decompressFrame(frame);
  },
  async *gzip(compressed) {
    yield await memberOf(compressed);
  },
};

async function* only(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** What is behind a member's end is passed over by zlib without a word. */
function memberOf(compressed: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gunzip(compressed, { info: true }, (error, result) => {
      const { buffer, engine } = (result ?? {}) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
      if (error) reject(error);
      else if (engine.bytesWritten !== compressed.length) reject(new Error('something follows its end'));
      else resolve(buffer);
    });
  });
}
