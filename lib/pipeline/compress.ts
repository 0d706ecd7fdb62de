import { promisify } from 'node:util';
import { gzip, constants as zlib, zstdCompress } from 'node:zlib';
import type { Compression } from '../core/vocabulary.ts';
import { zstdLevelOf } from './settings.ts';

const zstdAsync = promisify(zstdCompress);
const gzipAsync = promisify(gzip);

/** How many blocks go by what the last trial said. */
const blocksPerTrial = 16;

/**
 * Compresses blocks into independent zstd frames (with content size and checksum) or gzip members, on the thread pool; with
 * `none`, a block is its own frame.
 *
 * zstd's level 1 does better than the levels above it where there is nothing to find but unequal frequencies, as in the hex digits
 * that pg_dump makes of binary columns: 144 to 440 MB/s and 1.96 to 1, against 65 to 87 and 1.90 at level 3. So one block in 16 is
 * tried both ways, and while level 1 comes out no larger, the blocks after it get level 1.
 *
 * One-shot and asynchronous, because Node's zstd stream with worker threads is broken. `chunkSize` is what zlib allocates for
 * the output: too small makes it go round in circles (300 instead of 504 MiB/s at level 3 with the default), too large is
 * garbage by the megabyte. So each block gets a little more than the last one needed.
 */
export class BlockCompressor {
  readonly #compression: Compression;
  readonly #level: number;
  #lastFrameBytes = Number.POSITIVE_INFINITY;
  #blocksToTrial = 0;
  #isFastBest = false;

  constructor(compression: Compression, level: number) {
    this.#compression = compression;
    this.#level = level;
  }

  async compress(block: Buffer): Promise<Buffer> {
    if (this.#compression === 'none') return block;
    const frame = await (this.#compression === 'zstd' ? this.#zstd(block) : this.#gzip(block));
    this.#lastFrameBytes = frame.length;
    return frame;
  }

  async #zstd(block: Buffer): Promise<Buffer> {
    const level = zstdLevelOf(this.#level);
    const isTrial = level > 1 && this.#blocksToTrial === 0;
    this.#blocksToTrial = (this.#blocksToTrial + blocksPerTrial - 1) % blocksPerTrial;
    if (!isTrial) return await this.#zstdFrame(block, this.#isFastBest ? 1 : level);
    const [asked, fast] = await Promise.all([this.#zstdFrame(block, level), this.#zstdFrame(block, 1)]);
    this.#isFastBest = fast.length <= asked.length;
    return this.#isFastBest ? fast : asked;
  }

  #zstdFrame(block: Buffer, level: number): Promise<Buffer> {
    return zstdAsync(block, {
      chunkSize: this.#chunkSize(block),
      pledgedSrcSize: block.length,
      params: { [zlib.ZSTD_c_compressionLevel]: level, [zlib.ZSTD_c_checksumFlag]: 1 },
    });
  }

  #gzip(block: Buffer): Promise<Buffer> {
    return gzipAsync(block, { chunkSize: this.#chunkSize(block), level: this.#level });
  }

  #chunkSize(block: Buffer): number {
    return Math.max(1024, Math.min(block.length + 1024, Math.ceil(this.#lastFrameBytes * 1.1)));
  }
}
