import type { CatalogClient } from '../catalog/client.ts';
import type { KnownBackups } from '../catalog/queries/known-backups.ts';
import type { HoldfastConfig } from '../config/config.ts';
import type { TargetName } from '../core/ids.ts';
import { type KnownRestoreTest, type RestorablePoints, restorablePointsOf } from '../core/restorable-points.ts';
import type { Store } from '../store/store.ts';
import { knownBackups } from './known-backups.ts';
import { logPoints } from './log-points.ts';

/** Where facts of backups are asked for. */
export type Places = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  /** Asked first. @default - the store alone is read */
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
  readonly warn: (message: string) => void;
};

/** The facts of every configured target as plain JSON, and where they were read. */
export type RestorablePointsReport = {
  readonly at: string;
  readonly source: 'catalog' | 'store';
  readonly targets: readonly RestorablePoints[];
};

/** Enough to know the newest two points, which is what a loss would cost and would have cost. */
const perTarget = 2;

/**
 * What can be brought back of each configured target, what was proved, and what is late: the same facts for the command line, the API and
 * metrics. From the catalog when it is there, and from the store alone otherwise. Changes nothing.
 */
export async function readRestorablePoints({ config, clock, ...places }: Places): Promise<RestorablePointsReport> {
  const known = await knownBackups(places, { targets: config.targets.map(({ name }) => name), perTarget });
  const now = clock();
  const ofLogs = await logPoints({ config, store: places.store }, now);
  const targets = config.targets.map(({ name: target, rpoHours, rtoMinutes }) =>
    restorablePointsOf(
      { target, rpoHours, rtoMinutes, verifiedWithinDays: config.restoreTests.verifiedWithinDays },
      {
        backups: known.backups.filter((backup) => backup.target === target),
        lastRestoreTest: lastTestOf(known.restoreTests, target),
        log: ofLogs.get(target),
      },
      now,
    ),
  );
  return { at: now.toISOString(), source: known.source, targets };
}

/** Without its target, which whoever reads it knows. */
function lastTestOf(tests: KnownBackups['restoreTests'], target: TargetName): KnownRestoreTest | null {
  const found = tests.find((test) => test.target === target);
  if (found === undefined) return null;
  const { target: _, ...test } = found;
  return test;
}
