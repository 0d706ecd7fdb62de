import pLimit from 'p-limit';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig, Target } from '../config/config.ts';
import { configInForce } from '../config/schedules.ts';
import { describeError } from '../core/errors.ts';
import type { LeaseFacts, SeriesFacts, UnendedFacts, WatchFacts } from '../core/find-problems.ts';
import {
  canaryStateSchema,
  reconcilerStateSchema,
  type TargetsHealth,
  targetsHealthSchema,
  type WatchState,
} from '../core/health.ts';
import { type BackupId, compactTime, timeOfId } from '../core/ids.ts';
import { endedOperation, recoveryStage } from '../core/journal.ts';
import type { Manifest } from '../core/manifest.ts';
import { healthKeys, prefixes } from '../core/object-keys.ts';
import { objectivesOf } from '../core/objectives.ts';
import { restorablePointOf } from '../core/restorable-point.ts';
import type { Method } from '../core/vocabulary.ts';
import type { KeyState } from '../keys/key-state.ts';
import { readDocument } from '../store/document.ts';
import { listLeases } from '../store/lease.ts';
import { newestComplete } from '../store/newest-backup.ts';
import { readScheduleChanges } from '../store/schedule-changes.ts';
import type { Store } from '../store/store.ts';
import { lookAtPushedLogs } from './pushed-log-facts.ts';
import { cleanupSchedule, entriesOf, lookAtCleanup, lookAtSchedule } from './schedule-facts.ts';
import { volumesOf } from './volumes.ts';
import { lookAtWal } from './wal-facts.ts';

export type WatchSources = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly keyState: () => Promise<KeyState>;
  readonly clock: () => Date;
  readonly log: { warn(message: string): void };
};

export type WatchLook = {
  readonly facts: WatchFacts;
  /** What the next look has to know. */
  readonly schedules: WatchState['schedules'];
  readonly series: WatchState['series'];
};

/** Runs that may still be going on began no earlier. */
const unendedDays = 3;

/** What one attempt may take beside the task's own time: capacity, an image to pull, steps. */
const overheadSeconds = 3600;

const sideBySide = 8;

/** Targets are asked every half hour: two rounds may fail. */
const answersLastMs = 95 * 60_000;

/** Three looks in a row that did not take place. */
const gapMs = 20 * 60_000;

/**
 * Looks at everything that problems are found in, with schedules as they are in force. The store is asked for what it holds; the catalog only whether it is there and what waits in it, so that
 * one that is down hides nothing.
 */
export async function lookAround(sources: WatchSources, before: WatchState | undefined): Promise<WatchLook> {
  const { store, catalog, clock } = sources;
  const config = configInForce(sources.config, await readScheduleChanges(store));
  const now = clock();
  const limit = pLimit(sideBySide);
  const looks = await Promise.all(
    entriesOf(config).map((schedule) =>
      limit(() => lookAtSchedule(store, schedule, { before: before?.schedules[schedule.entry.name], now })),
    ),
  );
  const series = await Promise.all(
    seriesOf(config).map((one) => limit(() => lookAtSeries(store, one, { config, before: before?.series, now }))),
  );
  const cleanup = await lookAtCleanup(store, config, { before: before?.schedules[cleanupSchedule], now });
  const [reconciler, targets, canary] = await Promise.all([
    readDocument(store, healthKeys.reconciler, reconcilerStateSchema),
    readDocument(store, healthKeys.targets, targetsHealthSchema),
    readDocument(store, healthKeys.canary, canaryStateSchema),
  ]);
  const known = new Set<string>(config.targets.map(({ name }) => name));
  return {
    facts: {
      schedules: looks.map(({ facts }) => facts),
      series,
      unended: await unendedRuns(store, now),
      leases: await leases(store),
      cleanup: cleanup.facts,
      longestAttemptSeconds: config.run.timeoutSeconds + overheadSeconds,
      reconciler: reconciler.value ?? null,
      watchedSince: watchedSince(before, now),
      hasCatalog: catalog !== undefined,
      ...(await askCatalog(catalog)),
      keyError: await keyError(sources),
      targets: freshAnswers(targets.value, now).filter(({ target }) => known.has(target)),
      logs: await lookAtWal({ config, store, clock }),
      // As it was deployed: by that the watch has its permissions.
      pushedLogs: await lookAtPushedLogs({ config: sources.config, store, clock }),
      canary: canary.value,
      volumes: await volumesOf(config),
    },
    schedules: Object.fromEntries([
      ...looks.map(({ facts, seen }) => [facts.name, seen] as const),
      [cleanupSchedule, cleanup.seen] as const,
    ]),
    series: Object.fromEntries(series.map(({ target, method, since }) => [`${target}/${method}`, since])),
  };
}

/** A look that comes much later than the one before it begins anew: the installation was off, or the watch was. */
function watchedSince(before: WatchState | undefined, now: Date): string {
  const isGap = before === undefined || now.getTime() - Date.parse(before.at) > gapMs;
  return isGap ? now.toISOString() : before.uninterruptedSince;
}

/** What targets answered, unless that was so long ago that it says nothing of now. */
export function freshAnswers(asked: TargetsHealth | undefined, now: Date): TargetsHealth['targets'] {
  return asked !== undefined && now.getTime() - Date.parse(asked.at) <= answersLastMs ? asked.targets : [];
}

type Series = { readonly target: Target; readonly method: Method };

/** Every target with each method by which it is backed up. */
export const seriesOf = (config: Pick<HoldfastConfig, 'targets'>): readonly Series[] =>
  config.targets.flatMap((target) =>
    [...new Set(target.backups.map(({ method }) => method))].map((method) => ({ target, method })),
  );

async function lookAtSeries(
  store: Store,
  { target, method }: Series,
  {
    config,
    before,
    now,
  }: { readonly config: HoldfastConfig; readonly before: WatchState['series'] | undefined; readonly now: Date },
): Promise<SeriesFacts> {
  const newest = await newestComplete(store, { target: target.name, methods: [method] }, now);
  const objectives = objectivesOf(target, method, config.run.timeoutSeconds);
  return {
    target: target.name,
    method,
    windowHours: objectives?.windowHours ?? null,
    rpoHours: objectives?.rpoHours ?? null,
    since: before?.[`${target.name}/${method}`] ?? now.toISOString(),
    newest:
      newest === undefined
        ? null
        : { backupId: newest.backupId, beganAt: contentBeganAt(newest), endedAt: newest.endedAt },
  };
}

/** What was made of earlier backups holds what they held: it makes up for no run that is late. */
const contentBeganAt = (manifest: Manifest): string =>
  manifest.source['madeFrom'] === undefined ? manifest.beganAt : restorablePointOf(manifest);

/** Runs of the last days that have no ending. */
async function unendedRuns(store: Store, now: Date): Promise<readonly UnendedFacts[]> {
  const from = `${prefixes.journal}${compactTime(new Date(now.getTime() - unendedDays * 86_400_000))}`;
  const open = new Map<string, UnendedFacts>();
  for await (const { key } of store.list(prefixes.journal, { startAfter: from })) {
    const [, operation = '', kind] = /^journal\/([^/]+)\/010-(backup|recovery)-requested-/.exec(key) ?? [];
    if (kind === 'backup' || kind === 'recovery') {
      const id = operation as BackupId;
      open.set(id, { operation: id, kind, at: timeOfId(id).toISOString() });
    }
    // Nothing runs while somebody is waited for, be it for days.
    const later = recoveryStage(key);
    if (later?.stage === 'waits') open.delete(later.operation);
    if (later?.stage === 'runs')
      open.set(later.operation, { operation: later.operation as BackupId, kind: 'recovery', at: later.at });
    open.delete(endedOperation(key) ?? '');
  }
  return [...open.values()];
}

async function leases(store: Store): Promise<readonly LeaseFacts[]> {
  const found: LeaseFacts[] = [];
  for await (const { key, description, until, isReleased } of listLeases(store)) {
    const [, target, method] = /^leases\/([^/]+)\/([^/]+)\.json$/.exec(key) ?? [];
    if (target !== undefined && method !== undefined) found.push({ target, method, description, until, isReleased });
  }
  return found;
}

/** Is it there, and does anybody take what it was asked for? */
async function askCatalog(catalog: CatalogClient | undefined): Promise<Pick<WatchFacts, 'catalogError' | 'queue'>> {
  try {
    return { catalogError: undefined, queue: await catalog?.queueState() };
  } catch (error) {
    return { catalogError: describeError(error).message };
  }
}

/** KMS that does not answer now is no news of the key. */
async function keyError({ keyState, log }: WatchSources): Promise<string | undefined> {
  try {
    const state = await keyState();
    return state?.isUsable === false ? state.why : undefined;
  } catch (error) {
    log.warn(`the key could not be looked at: ${describeError(error).message}`);
    return undefined;
  }
}
