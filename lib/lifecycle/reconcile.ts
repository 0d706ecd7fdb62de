import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { schedulesOf } from '../config/schedules.ts';
import type { ReconcilerState } from '../core/health.ts';
import { newOperationId } from '../core/ids.ts';
import { type JournalEvent, journalKey } from '../core/journal.ts';
import { healthKeys, prefixes } from '../core/object-keys.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';
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
  const { catalog, log } = dependencies;
  const journaled = await endUnendedRuns(dependencies);
  if (catalog === undefined) return { journaled, applied: 0, leftOut: 0, schedulesDeclared: false };

  const schedulesDeclared = await declareSchedules(dependencies, catalog);
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

async function declareSchedules({ config, store, clock }: Dependencies, catalog: CatalogClient): Promise<boolean> {
  const schedules = schedulesOf(config);
  if (isDeepStrictEqual(await catalog.declaredSchedules(), schedules)) return false;
  const at = clock();
  const tail = createHash('sha256').update(JSON.stringify(schedules)).digest('hex').slice(0, 8);
  const event: JournalEvent = {
    event: 'schedules-declared',
    operation: newOperationId(at, tail),
    at: at.toISOString(),
    tenant: null,
    schedules: [...schedules],
  };
  await putJson(store, journalKey(event), event, { condition: 'absent' });
  return true;
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
