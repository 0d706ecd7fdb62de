import assert from 'node:assert/strict';
import { HoldfastError } from '../../../lib/core/errors.ts';
import type { ObjectInfo, Store } from '../../../lib/store/store.ts';

export async function read(store: Store, key: string, range?: { start: number; end?: number }): Promise<Buffer> {
  return await drain((await store.get(key, range === undefined ? {} : { range })).body);
}

export async function drain(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function listOf(store: Store, prefix: string, startAfter?: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of store.list(prefix, startAfter === undefined ? {} : { startAfter })) found.push(info);
  return found;
}

export async function keys(store: Store, prefix: string, startAfter?: string): Promise<string[]> {
  return (await listOf(store, prefix, startAfter)).map((info) => info.key);
}

export async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HoldfastError, `not one of ours: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  });
}
