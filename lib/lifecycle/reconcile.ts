import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { asHoldfastError } from '../core/errors.ts';
import { newOperationId } from '../core/ids.ts';
import { endedOperation, type JournalEvent, journalKey } from '../core/journal.ts';
import { completedEvent } from '../core/manifest-events.ts';
import { prefixes } from '../core/object-keys.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';

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

/** A run that published and then lost its state machine is given this long to write its own ending. */
const graceMs = 2 * 3600 * 1000;

/**
 * Makes the catalog what the store says: a published backup whose ending nobody wrote gets one, the configured schedules are declared when
 * they have changed, and every journal event that the catalog has not seen is applied. Running it twice, or twice at once, changes nothing.
 * What cannot be read or is refused is named and left out; it keeps nothing else from being done. Rejects when store or catalog are away.
 */
export async function reconcile(dependencies: Dependencies): Promise<Reconciliation> {
  const { catalog, log } = dependencies;
  const journaled = await endUnendedBackups(dependencies);
  if (catalog === undefined) return { journaled, applied: 0, leftOut: 0, schedulesDeclared: false };

  const schedulesDeclared = await declareSchedules(dependencies, catalog);
  const { applied, leftOut } = await applyUnseen(dependencies, catalog);
  emitMetrics({}, { EventsUnindexed: applied + leftOut, ReconcilerBeat: 1 });
  if (applied > 0) log.info(`the catalog took ${applied} events that it had not seen`);
  return { journaled, applied, leftOut, schedulesDeclared };
}

async function endUnendedBackups({ store, clock, log }: Dependencies): Promise<number> {
  const ended = new Set<string>();
  for await (const { key } of store.list(prefixes.journal)) {
    const operation = endedOperation(key);
    if (operation !== undefined) ended.add(operation);
  }
  let journaled = 0;
  for await (const { target, id } of listBackups(store)) {
    if (ended.has(id)) continue;
    const manifest = await orNote(log, () => readManifest(store, target, id));
    if (manifest === undefined) continue;
    if (manifest.status !== 'complete' || clock().getTime() - Date.parse(manifest.endedAt) < graceMs) continue;
    const event = completedEvent(manifest, store, 'PENDING');
    await putJson(store, journalKey(event), event, { condition: 'absent' });
    journaled++;
  }
  return journaled;
}

async function declareSchedules({ config, store, clock }: Dependencies, catalog: CatalogClient): Promise<boolean> {
  const schedules = config.targets
    .flatMap((target) =>
      target.backups.map((entry) => ({
        name: entry.name,
        target: target.name,
        engine: target.engine,
        method: entry.method,
        tier: entry.tier,
        cron: entry.schedule,
        timezone: entry.timezone,
        retentionDays: entry.retentionDays,
        enabled: entry.enabled,
      })),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (isDeepStrictEqual(await catalog.declaredSchedules(), schedules)) return false;
  const at = clock();
  const tail = createHash('sha256').update(JSON.stringify(schedules)).digest('hex').slice(0, 8);
  const event: JournalEvent = {
    event: 'schedules-declared',
    operation: newOperationId(at, tail),
    at: at.toISOString(),
    tenant: null,
    schedules,
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

/** What `work` gives, or undefined when what it works on is bad and will be bad next time; a passing failure rejects. */
async function orNote<Result>(log: Dependencies['log'], work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    const { code, message, retryable } = asHoldfastError(error);
    if (retryable) throw error;
    log.warn(`[${code}] ${message}`);
    return undefined;
  }
}
