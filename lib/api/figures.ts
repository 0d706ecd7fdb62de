import type { CatalogClient } from '../catalog/client.ts';
import type { Recovery } from '../catalog/queries/list-recoveries.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { isDeclined } from '../core/failure.ts';
import {
  canaryStateSchema,
  healthReportSchema,
  reconcilerStateSchema,
  targetsHealthSchema,
  watchStateSchema,
} from '../core/health.ts';
import type { FigureName, Sample } from '../core/metrics.ts';
import { healthKeys } from '../core/object-keys.ts';
import { problemKindNames, problemKinds } from '../core/problem-kinds.ts';
import type { RestorablePoints } from '../core/restorable-points.ts';
import { type Protection, protectionsOf } from '../lifecycle/protection.ts';
import { readRestorablePoints } from '../lifecycle/restorable-points.ts';
import { volumesOf } from '../lifecycle/volumes.ts';
import { readDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';
import { holdfastVersion } from '../version.ts';
import { walFigures } from './wal-figures.ts';

export type FigureSources = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
};

const fullPercent = 95;

/**
 * What /metrics says: facts as they are now, from the catalog and the store, and never what this process happens to have seen. What is
 * not known has no row.
 */
export async function figuresOf(sources: FigureSources): Promise<readonly Sample[]> {
  const { config, store, clock } = sources;
  const now = clock();
  const [{ source, protections }, points, recoveries, volumes, ours, logs] = await Promise.all([
    protectionsOf(sources),
    // That the catalog gives no answer is a figure of its own.
    readRestorablePoints({ ...sources, warn: () => {} }),
    lastRecoveries(sources),
    volumesOf(config),
    ownFigures(store, now),
    walFigures(sources, now),
  ]);
  return [
    ...protections.flatMap((protection) => backupFigures(protection, now)),
    ...config.targets.flatMap((target) => [
      sample('rpo', { target: target.name }, target.rpoHours * 3600),
      sample('rto', { target: target.name }, target.rtoMinutes * 60),
    ]),
    ...points.targets.flatMap(pointFigures),
    ...recoveries.flatMap(recoveryFigures),
    ...volumes.flatMap(({ volume, isWritable, usagePercent, usedBytes }) => [
      sample('volumeHealth', { volume }, isWritable && usagePercent < fullPercent ? 1 : 0),
      sample('volumeUsage', { volume }, usagePercent),
      sample('volumeUsed', { volume }, usedBytes),
    ]),
    sample('catalogUp', {}, source === 'catalog' ? 1 : 0),
    ...ours,
    ...logs,
    sample('buildInfo', { version: holdfastVersion }, 1),
  ];
}

const sample = (figure: FigureName, labels: Sample['labels'], value: number): Sample => ({ figure, labels, value });

function backupFigures({ target, engine, method, lastRun, newest, isValid }: Protection, now: Date): Sample[] {
  const labels = { service: engine, type: method, target };
  return [
    ...(lastRun === undefined ? [] : [sample('backupStatus', labels, lastRun.isSuccess ? 1 : 0)]),
    ...(isValid === undefined ? [] : [sample('validationStatus', labels, isValid ? 1 : 0)]),
    ...(newest === undefined
      ? []
      : [
          sample('backupAge', labels, secondsSince(newest.endedAt, now) / 3600),
          sample('backupSize', labels, newest.storedBytes),
          sample('backupPlainSize', labels, newest.plainBytes),
          sample('backupDuration', labels, (Date.parse(newest.endedAt) - Date.parse(newest.beganAt)) / 1000),
          ...(newest.validationSeconds === undefined
            ? []
            : [sample('validationDuration', labels, newest.validationSeconds)]),
        ]),
  ];
}

function pointFigures({ target, restorable, verified }: RestorablePoints): Sample[] {
  return [
    ...(restorable ? [sample('restorablePointAge', { target }, restorable.ageSeconds)] : []),
    ...(verified ? [sample('verifiedPointAge', { target }, verified.ageSeconds)] : []),
  ];
}

/** Of each target the restores that ended, newest first, as far as the last thousand tell. None while the catalog is away. */
async function lastRecoveries({ config, catalog }: FigureSources): Promise<readonly (readonly Recovery[])[]> {
  // One question for all of them: each is a connection to the catalog's database.
  const recoveries = (await catalog?.recoveries({ limit: 1000 }).catch(() => [])) ?? [];
  // One that nobody has approved was not run.
  const ended = recoveries.filter(
    ({ status, errorCode }) => status === 'COMPLETED' || (status === 'FAILED' && !isDeclined(errorCode)),
  );
  return config.targets.map(({ name }) => ended.filter(({ target }) => target === name));
}

function recoveryFigures(ended: readonly Recovery[]): Sample[] {
  const [last] = ended;
  if (last?.target == null) return [];
  const success = ended.find(({ status }) => status === 'COMPLETED');
  const labels = { target: last.target };
  return [
    sample('recoveryStatus', labels, last.status === 'COMPLETED' ? 1 : 0),
    ...(success?.durationSeconds == null ? [] : [sample('recoveryDuration', labels, Number(success.durationSeconds))]),
  ];
}

/** What Holdfast's own parts have left in the store about themselves. */
async function ownFigures(store: Store, now: Date): Promise<readonly Sample[]> {
  const [watched, reconciled, checked, targets, canary] = await Promise.all([
    readDocument(store, healthKeys.watch, watchStateSchema),
    readDocument(store, healthKeys.reconciler, reconcilerStateSchema),
    readDocument(store, healthKeys.report, healthReportSchema),
    readDocument(store, healthKeys.targets, targetsHealthSchema),
    readDocument(store, healthKeys.canary, canaryStateSchema),
  ]);
  const age = (figure: FigureName, at: string | undefined): Sample[] =>
    at === undefined ? [] : [sample(figure, {}, secondsSince(at, now))];
  const open = watched.value?.open;
  return [
    // A row for every kind, so that rules see a problem begin and end.
    ...(open === undefined
      ? []
      : problemKindNames.map((kind) =>
          sample(
            'problems',
            { kind, severity: problemKinds[kind].severity },
            open.filter((problem) => problem.kind === kind).length,
          ),
        )),
    ...age('watchAge', watched.value?.at),
    ...age('reconcilerAge', reconciled.value?.at),
    ...age('healthCheckAge', checked.value?.at),
    ...(reconciled.value === undefined ? [] : [sample('catalogBehind', {}, reconciled.value.leftOut)]),
    ...(targets.value?.targets ?? []).flatMap(({ target, isReachable, unarchivedWalFiles }) => [
      sample('targetReachable', { target }, isReachable ? 1 : 0),
      ...(unarchivedWalFiles === null ? [] : [sample('unarchivedWal', { target }, unarchivedWalFiles)]),
    ]),
    ...(canary.value?.channels ?? []).flatMap(({ channel, isWorking, workedAt }) => [
      sample('channelStatus', { channel }, isWorking ? 1 : 0),
      ...(workedAt === null ? [] : [sample('channelAge', { channel }, secondsSince(workedAt, now))]),
    ]),
  ];
}

const secondsSince = (at: string, now: Date): number => Math.max(0, (now.getTime() - Date.parse(at)) / 1000);
