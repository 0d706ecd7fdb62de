import { HoldfastError } from '../core/errors.ts';
import type { StoredObject } from '../core/manifest.ts';
import type { Store } from '../store/store.ts';
import { freeMemory } from './free-memory.ts';
import { mapInOrder } from './map-in-order.ts';

/** A stretch of an object's stored bytes. */
export type FetchedRange = { readonly bytes: Buffer };

/**
 * The stored bytes of `objects`, one after another, in ranges of which several are fetched at once, so that one slow
 * connection does not set the pace and the next object is under way while the last one is being read. Every object gives
 * at least one range. Rejects with `object-missing`, or with `corrupt` when an object's size is not the manifest's.
 */
export function fetchRanges(options: {
  readonly store: Store;
  readonly objects: readonly StoredObject[];
  readonly rangeBytes: number;
  readonly rangesInFlight: number;
  readonly stop: AbortController;
}): AsyncGenerator<FetchedRange, undefined> {
  const { store, objects, rangeBytes, rangesInFlight, stop } = options;
  return mapInOrder({
    items: plan(objects, rangeBytes, stop.signal),
    limit: rangesInFlight,
    map: async ({ object, start, end }) => ({
      bytes: await fetchRange(store, object, start, end, stop.signal),
    }),
    stop,
  });
}

async function* plan(objects: readonly StoredObject[], rangeBytes: number, signal: AbortSignal) {
  for (const object of objects) {
    let start = 0;
    do {
      signal.throwIfAborted();
      const end = Math.min(start + rangeBytes, object.storedBytes);
      yield { object, start, end };
      start = end;
    } while (start < object.storedBytes);
  }
}

async function fetchRange(
  store: Store,
  { key, storedBytes }: StoredObject,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Buffer> {
  // An empty object has no range that could be asked for.
  if (storedBytes === 0) {
    const found = await store.head(key);
    if (found === undefined) throw new HoldfastError('object-missing', `there is no object '${key}' in the store`);
    checkSize(key, found.sizeBytes, storedBytes);
    return Buffer.alloc(0);
  }
  const { sizeBytes, body } = await store.get(key, { range: { start, end }, signal });
  const bytes = Buffer.allocUnsafeSlow(end - start);
  let filled = 0;
  for await (const chunk of body) {
    if (sizeBytes !== storedBytes || filled + chunk.length > bytes.length) break;
    bytes.set(chunk, filled);
    filled += chunk.length;
    freeMemory(chunk);
  }
  checkSize(key, sizeBytes, storedBytes);
  if (filled !== bytes.length)
    throw new HoldfastError('corrupt', `object '${key}' gave ${filled} bytes of its range from ${start} to ${end}`);
  return bytes;
}

function checkSize(key: string, actual: number, expected: number): void {
  if (actual !== expected)
    throw new HoldfastError('corrupt', `object '${key}' has ${actual} bytes, where the manifest says ${expected}`);
}
