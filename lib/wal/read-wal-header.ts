import { buffer } from 'node:stream/consumers';
import type { Store } from '../store/store.ts';
import { longestHeaderBytes, parseWalHeader, type WalHeader } from './wal-object.ts';

/** What a WAL object says of itself, by one small request. Throws `object-missing`, and as `parseWalHeader` does. */
export async function readWalHeader(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly header: WalHeader; readonly headerBytes: number; readonly sizeBytes: number }> {
  const { body, sizeBytes } = await store.get(key, { range: { start: 0, end: longestHeaderBytes }, signal });
  return { ...parseWalHeader(await buffer(body), key), sizeBytes };
}
