import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import type { ReconcilerState } from '../core/health.ts';
import { type JournalEvent, journalKey } from '../core/journal.ts';
import { healthKeys, prefixes } from '../core/object-keys.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';
import { declareSchedules } from './declare-schedules.ts';
import { endUnendedRuns } from './end-unended-runs.ts';
import { measureQueue } from './measure-queue.ts';
import { orNote } from './or-note.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
  readonly log: { info(message: string): void; warn(message: string): void };
};

export type Reconciliation = {
  /** Endings written for runs that could not write their own. */
  readonly journaled: number;
  /** Events that the catalog had not seen and has now. */
  readonly applied: number;
  /** Events that it still has not: they cannot be read, or it refused them. The log names each. */
  readonly leftOut: number;
  readonly schedulesDeclared: boolean;
};

/** Events are handed to the catalog in batches that fit a Lambda's payload. */
const batchSize = 200;

/**
 * Makes the catalog what the store says: a run whose ending nobody wrote gets one, the configured schedules are declared when
 * they have changed, and every journal event that the catalog has not seen is applied. Running it twice, or twice at once, changes nothing.
 * What cannot be read or is refused is named and left out; it keeps nothing else from being done. Rejects when store or catalog are away.
 */
export async function reconcile(dependencies: Dependencies): Promise<Reconciliation> {
  const { store, catalog, log } = dependencies;
  const journaled = await endUnendedRuns(dependencies);
  if (catalog === undefined) return { journaled, applied: 0, leftOut: 0, schedulesDeclared: false };

  // Applied below, with all else that the catalog has not seen.
  const record = (event: JournalEvent) => putJson(store, journalKey(event), event, { condition: 'absent' });
  const schedulesDeclared = await declareSchedules({ ...dependencies, catalog, record });
  const { applied, leftOut } = await applyUnseen(dependencies, catalog);
  await noteEnd(dependencies, { journaled, applied, leftOut });
  await measureQueue(catalog);
  emitMetrics({}, { EventsUnindexed: applied + leftOut, ReconcilerBeat: 1 });
  if (applied > 0) log.info(`the catalog took ${applied} events that it had not seen`);
  return { journaled, applied, leftOut, schedulesDeclared };
}

/** Where the watch and /metrics see that the reconciler ran, whatever CloudWatch knows. Of two at once, either's word is as good. */
async function noteEnd({ store, clock }: Dependencies, ended: Omit<ReconcilerState, 'at'>): Promise<void> {
  await putJson(store, healthKeys.reconciler, { at: clock().toISOString(), ...ended } satisfies ReconcilerState);
}

async function applyUnseen(
  { store, log }: Dependencies,
  catalog: CatalogClient,
): Promise<Pick<Reconciliation, 'applied' | 'leftOut'>> {
  let applied = 0;
  let leftOut = 0;
  let batch: string[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const unseen = await catalog.unapplied(batch);
    batch = [];
    const events: JournalEvent[] = [];
    for (const key of unseen) {
      const event = await orNote(log, () => readEvent(store, key));
      if (event !== undefined) events.push(event);
    }
    if (events.length > 0) await orNote(log, () => catalog.apply(events));
    // Asked again, because another reconciler may have been faster, and because of a refused batch only the refused part is missing.
    const missing = unseen.length === 0 ? [] : await catalog.unapplied(unseen);
    applied += unseen.length - missing.length;
    leftOut += missing.length;
    for (const key of missing) log.warn(`the catalog lacks journal entry '${key}'`);
  };
  for await (const { key } of store.list(prefixes.journal)) {
    batch.push(key);
    if (batch.length >= batchSize) await flush();
  }
  await flush();
  return { applied, leftOut };
}
