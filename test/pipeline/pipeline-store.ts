import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PipelineSettings, pipelineSettings } from '../../lib/pipeline/settings.ts';
import { type WrittenStream, writeStream } from '../../lib/pipeline/write-stream.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import type { Store } from '../../lib/store/store.ts';

export const dataKey = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
export const context = { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b', stream: 'main' };

/** Small enough that a few hundred kilobytes make several objects of several parts and frames. */
export const smallSettings = {
  blockBytes: 4096,
  objectBytes: 4 * 4096,
  partBytes: 5000,
  rangeBytes: 3000,
} as const;

/** A directory store in a new folder, which is removed afterwards. */
export async function withStore<T>(use: (store: Store, folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-pipeline-'));
  try {
    const store = await openDirectoryStore(folder);
    try {
      return await use(store, folder);
    } finally {
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `length` bytes that compress to about two thirds. */
export function someBytes(length: number): Buffer {
  const bytes = randomBytes(length);
  for (let index = 0; index < length; index += 3) bytes[index] = 7;
  return bytes;
}

export async function* inChunks(bytes: Buffer, chunkBytes = 1000): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) yield bytes.subarray(offset, offset + chunkBytes);
}

export async function write(
  store: Store,
  source: AsyncIterable<Uint8Array>,
  { isSummed = false, ...overrides }: Partial<PipelineSettings> & { readonly isSummed?: boolean } = {},
  prefix = 'backups/orders/one/a1b2/main',
): Promise<WrittenStream> {
  const settings = pipelineSettings({ ...smallSettings, ...overrides });
  return await writeStream({
    store,
    keyOf: (index) => `${prefix}.${String(index).padStart(5, '0')}`,
    source,
    settings,
    dataKey: settings.algorithm === 'none' ? null : dataKey,
    context,
    isSummed,
  });
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The keys of all objects in the store. */
export async function keysIn(store: Store): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}
