import pLimit from 'p-limit';
import { HoldfastError } from '../core/errors.ts';
import type { JournalEvent } from '../core/journal.ts';
import { prefixes } from '../core/object-keys.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import type { CatalogClient } from './client.ts';
import { eventsOfManifest } from './manifest-events.ts';

/** What a rebuild read and did. `unreadable` names what it had to leave out, and why; the rest is in the catalog all the same. */
export type Rebuilt = {
  /** Events found in the journal. */
  readonly journaled: number;
  /** Events made from the manifests of backups whose journal, or its first entry, was lost. */
  readonly derived: number;
  /** Events that were new to the catalog. */
  readonly applied: number;
  readonly unreadable: readonly { readonly key: string; readonly message: string }[];
};

/** Objects read at a time, and events handed on at a time: whatever the store's size, memory holds this many. */
const batchSize = 200;
const readsAtATime = 16;

/**
 * Brings a catalog, usually an empty one, to what the store says: replays the journal, then adds what only manifests
 * tell: backups without a journal, and what was asked for where that entry was lost. Reads the store and never writes to it. Idempotent: events that the catalog has are not applied again, and a rebuild that was
 * interrupted is completed by the next.
 */
export async function rebuildCatalog({
  store,
  apply,
}: {
  readonly store: Store;
  readonly apply: CatalogClient['apply'];
}): Promise<Rebuilt> {
  const unreadable: { key: string; message: string }[] = [];
  const journaledEvents = new Map<string, Set<string>>();
  let applied = 0;

  const journaled = await inBatches(keysUnder(store, prefixes.journal), async (key) => {
    const event = await readEvent(store, key);
    journaledEvents.set(event.operation, (journaledEvents.get(event.operation) ?? new Set()).add(event.event));
    return [event];
  });
  const derived = await inBatches(listBackups(store), async ({ target, id }) => {
    const known = journaledEvents.get(id);
    if (known?.has('backup-requested')) return [];
    const proved = eventsOfManifest(await readManifest(store, target, id), store);
    // Of a backup that the journal knows only what it was is taken from the manifest: how it ended is for the journal to say.
    return known === undefined ? proved : proved.filter(({ event }) => event === 'backup-requested');
  });
  return { journaled, derived, applied, unreadable };

  /** Gives the number of events. An item that cannot be read is noted; a store or catalog that is away ends the rebuild. */
  async function inBatches<Item>(
    items: AsyncIterable<Item>,
    eventsOf: (item: Item) => Promise<readonly JournalEvent[]>,
  ): Promise<number> {
    const limit = pLimit(readsAtATime);
    let count = 0;
    const handOn = async (batch: readonly Item[]): Promise<void> => {
      const found = await Promise.all(batch.map((item) => limit(() => readOrNote(item, eventsOf))));
      const events = found.flat();
      count += events.length;
      if (events.length > 0) applied += (await apply(events)).applied;
    };
    let batch: Item[] = [];
    for await (const item of items) {
      batch.push(item);
      if (batch.length < batchSize) continue;
      await handOn(batch);
      batch = [];
    }
    await handOn(batch);
    return count;
  }

  async function readOrNote<Item>(
    item: Item,
    eventsOf: (item: Item) => Promise<readonly JournalEvent[]>,
  ): Promise<readonly JournalEvent[]> {
    try {
      return await eventsOf(item);
    } catch (error) {
      if (!(error instanceof HoldfastError) || !permanent.has(error.code)) throw error;
      unreadable.push({ key: typeof item === 'string' ? item : JSON.stringify(item), message: error.message });
      return [];
    }
  }
}

/** What is wrong with the object itself, and will be wrong next time. */
const permanent = new Set<string>(['corrupt', 'manifest-newer', 'manifest-unreadable', 'backup-unknown']);

async function* keysUnder(store: Store, prefix: string): AsyncGenerator<string> {
  for await (const { key } of store.list(prefix)) yield key;
}
