import type { CatalogClient } from '../catalog/client.ts';
import type { Execution } from '../catalog/queries/execution-columns.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import { kindOfFailure } from '../core/find-problems.ts';
import { type BackupId, compactTime, type TargetName } from '../core/ids.ts';
import { endedOperation, type JournalEvent, journalKey } from '../core/journal.ts';
import { prefixes } from '../core/object-keys.ts';
import type { EngineName, Method } from '../core/vocabulary.ts';
import { readEvent } from '../store/journal.ts';
import { newestComplete } from '../store/newest-backup.ts';
import type { Store } from '../store/store.ts';
import { seriesOf } from './watch-facts.ts';

/** How well a target is protected by one method. */
export type Protection = {
  readonly target: TargetName;
  readonly engine: EngineName;
  readonly method: Method;
  /** Was the last run that ended a success? Undefined when none ended, or none lately that the store could tell of. */
  readonly lastRun: { readonly operation: BackupId; readonly isSuccess: boolean; readonly code?: string } | undefined;
  /** The newest complete backup. */
  readonly newest: NewestBackup | undefined;
  /** Could the newest backup that was validated be read? Undefined when nobody has tried. */
  readonly isValid: boolean | undefined;
};

export type NewestBackup = {
  readonly backupId: BackupId;
  readonly beganAt: string;
  readonly endedAt: string;
  readonly plainBytes: number;
  readonly storedBytes: number;
  readonly validationSeconds: number | undefined;
};

/** The protection of every target, and where it was read from. */
export type Protections = { readonly source: 'catalog' | 'store'; readonly protections: readonly Protection[] };

type Sources = {
  readonly config: Pick<HoldfastConfig, 'targets'>;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
};

/** Runs older than this are not looked for in the store. */
const lookBackDays = 7;

/** From the catalog, which knows it at once; while that is away, from the store, which takes some reads for each target. */
export async function protectionsOf(sources: Sources): Promise<Protections> {
  if (sources.catalog !== undefined) {
    try {
      return { source: 'catalog', protections: await fromCatalog(sources, sources.catalog) };
    } catch (error) {
      if (asHoldfastError(error).code !== 'catalog-unavailable') throw error;
    }
  }
  return { source: 'store', protections: await fromStore(sources) };
}

async function fromCatalog({ config, store }: Sources, catalog: CatalogClient): Promise<readonly Protection[]> {
  const series = seriesOf(config);
  const { ended, completed } = await catalog.newest(
    series.map(({ target, method }) => ({ target: target.name, method })),
  );
  const find = (rows: readonly Execution[], target: TargetName, method: Method): Execution | undefined =>
    rows.find((row) => row.target === target && row.method === method);
  return Promise.all(
    series.map(async ({ target, method }): Promise<Protection> => {
      const last = find(ended, target.name, method);
      const newest = find(completed, target.name, method);
      const isSuccess = last?.status !== 'FAILED';
      const failedOf = last !== undefined && !isSuccess ? (last.errorCode ?? 'internal') : undefined;
      return {
        target: target.name,
        engine: target.engine,
        method,
        lastRun: last && { operation: last.backupId, isSuccess, ...(failedOf === undefined ? {} : { code: failedOf }) },
        newest: newest && {
          backupId: newest.backupId,
          beganAt: newest.startTime,
          endedAt: newest.endTime ?? newest.startTime,
          plainBytes: newest.plainBytes ?? 0,
          storedBytes: newest.storedBytes ?? 0,
          validationSeconds: await validationSeconds(store, newest.backupId, newest.endTime ?? newest.startTime),
        },
        isValid: validity(failedOf, newest?.verification),
      };
    }),
  );
}

/** What a run failed of tells as much as what was recorded of the newest that is complete. */
function validity(
  failedOf: string | undefined,
  verification: Execution['verification'] | undefined,
): boolean | undefined {
  if (failedOf !== undefined && kindOfFailure(failedOf) === 'validation-failed') return false;
  if (verification === undefined || verification === 'PENDING') return undefined;
  return verification !== 'FAILED';
}

async function fromStore({ config, store, clock }: Sources): Promise<readonly Protection[]> {
  const now = clock();
  const endings = await lastEndings(store, now);
  return Promise.all(
    seriesOf(config).map(async ({ target, method }): Promise<Protection> => {
      const newest = await newestComplete(store, { target: target.name, methods: [method] }, now);
      const ending = endings.get(`${target.name}/${method}`);
      const failedOf = ending?.event === 'backup-failed' ? ending.error.code : undefined;
      const completed = newest && (await completionOf(store, newest.backupId, newest.endedAt));
      return {
        target: target.name,
        engine: target.engine,
        method,
        lastRun: ending && {
          operation: ending.operation,
          isSuccess: failedOf === undefined,
          ...(failedOf === undefined ? {} : { code: failedOf }),
        },
        newest: newest && {
          backupId: newest.backupId,
          beganAt: newest.beganAt,
          endedAt: newest.endedAt,
          plainBytes: newest.plainBytes,
          storedBytes: newest.storedBytes,
          validationSeconds: completed?.validationSeconds,
        },
        isValid: validity(failedOf, completed?.verification),
      };
    }),
  );
}

/** How the last run of each series ended that was asked for in the last days. */
async function lastEndings(store: Store, now: Date): Promise<ReadonlyMap<string, JournalEvent>> {
  const from = `${prefixes.journal}${compactTime(new Date(now.getTime() - lookBackDays * 86_400_000))}`;
  const requests = new Map<string, string>();
  const endings = new Map<string, string>();
  for await (const { key } of store.list(prefixes.journal, { startAfter: from })) {
    const operation = key.split('/')[1] ?? '';
    if (/\/010-backup-requested-/.test(key)) requests.set(operation, key);
    else if (endedOperation(key) !== undefined) endings.set(operation, key);
  }
  const last = new Map<string, JournalEvent>();
  for (const [operation, key] of [...requests].toReversed()) {
    const ending = endings.get(operation);
    if (ending === undefined) continue;
    const request = await readEvent(store, key);
    if (request.event !== 'backup-requested') continue;
    const of = `${request.target}/${request.method}`;
    if (!last.has(of)) last.set(of, await readEvent(store, ending));
  }
  return last;
}

type Completion = Extract<JournalEvent, { event: 'backup-completed' }>;

async function validationSeconds(store: Store, operation: BackupId, endedAt: string): Promise<number | undefined> {
  return (await completionOf(store, operation, endedAt))?.validationSeconds;
}

/** The completion's own event: its key follows from the backup and its end. Undefined when it was recorded in another way. */
async function completionOf(store: Store, operation: BackupId, endedAt: string): Promise<Completion | undefined> {
  const at = new Date(endedAt).toISOString();
  const key = journalKey({ event: 'backup-completed', operation, at } as Completion);
  try {
    const event = await readEvent(store, key);
    return event.event === 'backup-completed' ? event : undefined;
  } catch (error) {
    if (error instanceof HoldfastError && !error.retryable) return undefined;
    throw error;
  }
}
