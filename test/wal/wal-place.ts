import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { ensureKeyFile } from '../../lib/keys/key-file.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import type { Store } from '../../lib/store/store.ts';
import type { WalContext } from '../../lib/wal/wal-context.ts';
import { WalKeys } from '../../lib/wal/wal-keys.ts';
import { type WalWriter, walWriter } from '../../lib/wal/write-wal.ts';

export const target = targetNameSchema.parse('orders');
export const systemIdentifier = '7434001122334455667';
/** Small, so that a test's segments are; a server's are 1 MiB at least. */
export const segmentBytes = 64 * 1024;

/** A folder with a store and a key file in it, and who writes WAL there. */
export type WalPlace = AsyncDisposable & {
  readonly folder: string;
  readonly store: Store;
  readonly context: WalContext;
  readonly writer: WalWriter;
};

/** A new place, removed by disposing it. */
export async function walPlace(
  settings: {
    readonly keys?: 'key-file' | 'none';
    readonly algorithm?: 'aes-256-gcm' | 'aes-256-cbc';
    readonly compression?: 'zstd' | 'gzip' | 'none';
    readonly clock?: () => Date;
  } = {},
): Promise<WalPlace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-wal-'));
  const vault = path.join(folder, 'vault');
  const keyFile = path.join(folder, 'holdfast.key');
  await mkdir(vault);
  await ensureKeyFile(keyFile);
  const store = await openDirectoryStore(vault);
  const context: WalContext = {
    store,
    config: {
      encryption: { keys: settings.keys ?? 'key-file', keyFile, algorithm: settings.algorithm ?? 'aes-256-gcm' },
      compression: { algorithm: settings.compression ?? 'zstd', level: 3 },
    },
    openKeys: openKeyProviderOf,
    clock: settings.clock ?? (() => new Date('2026-11-26T05:00:00Z')),
    signal: new AbortController().signal,
  };
  const keys = new WalKeys(context, target, systemIdentifier);
  return {
    folder,
    store,
    context,
    writer: walWriter(context, { target, systemIdentifier }, () => keys.current()),
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk));
  return Buffer.concat(all);
}
