import { promisify } from 'node:util';
import { gzip, constants as zlib, zstdCompress } from 'node:zlib';
import type { Compression } from '../core/vocabulary.ts';
import { zstdLevelOf } from './settings.ts';

const zstdAsync = promisify(zstdCompress);
const gzipAsync = promisify(gzip);

/**
 * `block` as one independent zstd frame (with its content size and checksum) or gzip member, made on the thread pool; with
 * `none`, the block itself.
 *
 * One-shot and asynchronous, because Node's zstd stream with worker threads is broken; `chunkSize` is the block's size,
 * because the output then comes in one piece: 504 MiB/s at level 3 on two cores, against 300 with the default.
 */
export async function compressBlock(block: Buffer, compression: Compression, level: number): Promise<Buffer> {
  const chunkSize = Math.max(block.length, 1024);
  switch (compression) {
    case 'zstd':
      return zstdAsync(block, {
        chunkSize,
        pledgedSrcSize: block.length,
        params: {
          [zlib.ZSTD_c_compressionLevel]: zstdLevelOf(level),
          [zlib.ZSTD_c_checksumFlag]: 1,
        },
      });
    case 'gzip':
      return gzipAsync(block, { chunkSize, level });
    case 'none':
      return block;
  }
}
