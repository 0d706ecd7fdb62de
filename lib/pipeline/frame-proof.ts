import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import pLimit from 'p-limit';
import { HoldfastError } from '../core/errors.ts';
import type { Compression } from '../core/vocabulary.ts';
import { freeMemory, hasSpareByte } from './free-memory.ts';

const unzstd = promisify(zstdDecompress);
const ungzip = promisify(gunzip);

/** How many blocks are proved at once: decompressing is fast enough for these to keep up with the compression. */
export const proofsAtOnce = 2;

/**
 * Proves of each compressed frame, while the block that it was made from is still there, that it gives that block back, byte by byte. What comes
 * back from the store then has to be those frames, and is not decompressed and summed once more.
 */
export class FrameProof {
  readonly #decompress: ((frame: Buffer, chunkSize: number) => Promise<Buffer>) | undefined;
  readonly #limit = pLimit(proofsAtOnce);

  constructor(compression: Compression) {
    this.#decompress = decompressors[compression];
  }

  /** Rejects with `internal` when `frame` does not give `block` back. */
  async require(frame: Buffer, block: Buffer): Promise<void> {
    const decompress = this.#decompress;
    if (decompress === undefined) return;
    await this.#limit(async () => {
      // With one byte to spare: see `decompressFrame`.
      const plain = await decompress(frame, Math.max(block.length + 1, 1024));
      const isSame = plain.equals(block);
      hasSpareByte(plain);
      freeMemory(plain);
      if (!isSame)
        throw new HoldfastError('internal', 'a block was compressed to something that does not give it back');
    });
  }
}

const decompressors: Readonly<
  Record<Compression, ((frame: Buffer, chunkSize: number) => Promise<Buffer>) | undefined>
> = {
  zstd: (frame, chunkSize) => unzstd(frame, { chunkSize }),
  gzip: (frame, chunkSize) => ungzip(frame, { chunkSize }),
  none: undefined,
};
