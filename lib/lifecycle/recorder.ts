import type { CatalogClient } from '../catalog/client.ts';
import { asHoldfastError } from '../core/errors.ts';
import { type JournalEvent, journalEventSchema, journalKey } from '../core/journal.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';

export type Recorder = {
  /** Puts an event into the journal, then into the catalog. `indexed` is false when the catalog has to catch up later. */
  record(event: JournalEvent): Promise<{ readonly indexed: boolean }>;
};

/** Long enough for a cold start and a connection; two events of one step still fit its minute when the catalog gives no answer at all. */
const patienceSeconds = 15;

/**
 * The journal first, the catalog second: an event that is in the store is never lost, and one that the catalog could not take now is
 * applied by the reconciler. Only the store's failure is a failure here, and nobody waits long for a catalog that gives no answer.
 *
 * Where the journal has an event of the same kind and time already, that one stands and is what the catalog gets: two versions would
 * make a catalog that no rebuild gives again.
 */
export function createRecorder({
  store,
  catalog,
  warn,
  catalogSeconds = patienceSeconds,
}: {
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly warn: (message: string) => void;
  /** How long the catalog is waited for. @default 15 */
  readonly catalogSeconds?: number;
}): Recorder {
  return {
    record: async (event) => {
      const key = journalKey(event);
      const isNew = await putJson(store, key, journalEventSchema.parse(event), { condition: 'absent' });
      if (catalog === undefined) return { indexed: false };
      try {
        const standing = isNew ? event : await readEvent(store, key);
        await catalog.apply([standing], { signal: AbortSignal.timeout(catalogSeconds * 1000) });
        return { indexed: true };
      } catch (error) {
        warn(
          `the catalog did not take '${event.event}' of '${event.operation}' and gets it later: ${asHoldfastError(error).message}`,
        );
        return { indexed: false };
      }
    },
  };
}
