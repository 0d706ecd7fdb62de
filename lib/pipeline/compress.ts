import { promisify } from 'node:util';
import { gzip, constants as zlib, zstdCompress } from 'node:zlib';
import type { Compression } from '../core/vocabulary.ts';
import { zstdLevelOf } from './settings.ts';

const zstdAsync = promisify(zstdCompress);
const gzipAsync = promisify(gzip);

/**
 * Compresses blocks into independent zstd frames (with content size and checksum) or gzip members, on the thread pool; with
 * `none`, a block is its own frame.
 *
 * One-shot and asynchronous, because Node's zstd stream with worker threads is broken. `chunkSize` is what zlib allocates for
 * the output: too small makes it go round in circles (300 instead of 504 MiB/s at level 3 with the default), too large is
 * garbage by the megabyte. So each block gets a little more than the last one needed.
 */
export class BlockCompressor {
  readonly #compression: Compression;
  readonly #level: number;
  #lastFrameBytes = Number.POSITIVE_INFINITY;

  constructor(compression: Compression, level: number) {
    this.#compression = compression;
    this.#level = level;
  }

  async compress(block: Buffer): Promise<Buffer> {
    if (this.#compression === 'none') return block;
    const chunkSize = Math.max(1024, Math.min(block.length + 1024, Math.ceil(this.#lastFrameBytes * 1.1)));
    const frame = await (this.#compression === 'zstd'
      ? zstdAsync(block, {
          chunkSize,
          pledgedSrcSize: block.length,
          params: { [zlib.ZSTD_c_compressionLevel]: zstdLevelOf(this.#level), [zlib.ZSTD_c_checksumFlag]: 1 },
        })
      : gzipAsync(block, { chunkSize, level: this.#level }));
    this.#lastFrameBytes = frame.length;
    return frame;
  }
}
