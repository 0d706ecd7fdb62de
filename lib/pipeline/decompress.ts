import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, zstdDecompress } from 'node:zlib';
import type { Compression } from '../core/vocabulary.ts';
import { freeMemory, hasSpareByte } from './free-memory.ts';
import { mapInOrder } from './map-in-order.ts';
import { MalformedContent, type ZstdFrame, zstdFramesOf } from './zstd-frames.ts';

const zstdAsync = promisify(zstdDecompress);

/**
 * The plain bytes of an object's content: zstd frames decompressed in parallel on the thread pool, gzip members one after
 * another (a member does not say where it ends). Throws `MalformedContent`.
 */
export function decompressContent(
  content: AsyncGenerator<Buffer>,
  compression: Compression,
  options: { readonly framesInFlight: number; readonly stop: AbortController },
): AsyncGenerator<Buffer> {
  switch (compression) {
    case 'zstd':
      return mapInOrder({
        items: zstdFramesOf(content),
        limit: options.framesInFlight,
        map: decompressFrame,
        stop: options.stop,
      });
    case 'gzip':
      return gunzipContent(content);
    case 'none':
      return content;
  }
}

/**
 * zlib takes a buffer that is filled to its last byte for one that was too small, and allocates another as large, which goes to the garbage
 * collector: with one byte to spare it does not.
 */
export async function decompressFrame({ bytes, plainBytes }: ZstdFrame): Promise<Buffer> {
  const plain = await zstdAsync(bytes, {
    chunkSize: Math.max(plainBytes + 1, 1024),
    maxOutputLength: Math.max(plainBytes, 1),
  }).catch((cause: unknown) => {
    throw new MalformedContent('a zstd frame does not decompress', { cause });
  });
  freeMemory(bytes);
  hasSpareByte(plain);
  if (plain.length !== plainBytes) throw new MalformedContent('a zstd frame holds less than it promises');
  return plain;
}

async function* gunzipContent(content: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 1024 ** 2 });
  const feeding = pipeline(content, gunzip);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
    await feeding;
  } catch (error) {
    throw isZlibError(error) ? new MalformedContent('a gzip member does not decompress', { cause: error }) : error;
  } finally {
    gunzip.destroy();
    await feeding.catch(() => undefined);
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
