import { type UpkeepSchedule, upkeepSchedules } from '../config/upkeep-schedules.ts';
import { dueTimes } from '../core/due-times.ts';
import { healthReportSchema, reconcilerStateSchema, watchStateSchema } from '../core/health.ts';
import { cleanupLeaseKey, healthKeys } from '../core/object-keys.ts';
import { readDocument } from '../store/document.ts';
import { leaseAt } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import { knownBackups } from './known-backups.ts';
import type { Places } from './restorable-points.ts';

/** What Holdfast does by itself beside backups: when it did so last, how that ended, and when it does again. */
export type UpkeepOverview = UpkeepSchedule & {
  /** Null: not yet, or it leaves nothing behind by which that could be known. */
  readonly lastRun: { readonly at: string; readonly outcome: string } | null;
  /** Next runs of a cron; none while it is disabled, and none of what runs every few minutes. */
  readonly nextRuns: readonly string[];
};

type LastRun = UpkeepOverview['lastRun'];

const shownRuns = 3;

/** Every schedule of the installation's own. Last runs come from what they leave in the store, those of restore tests from the catalog if it is there. */
export async function upkeepOverview(
  places: Places,
  { hours }: { readonly hours?: number | undefined } = {},
): Promise<readonly UpkeepOverview[]> {
  const now = places.clock();
  const last = await lastRuns(places, now);
  const window =
    hours === undefined
      ? { after: now, limit: shownRuns }
      : { after: now, until: new Date(now.getTime() + hours * 3_600_000) };
  return upkeepSchedules(places.config).map((schedule) => ({
    ...schedule,
    lastRun: last.get(schedule.name) ?? null,
    nextRuns:
      schedule.enabled && 'cron' in schedule.when
        ? dueTimes(schedule.when, window).map((due) => due.toISOString())
        : [],
  }));
}

async function lastRuns(places: Places, now: Date): Promise<ReadonlyMap<string, LastRun>> {
  const { config, store } = places;
  const [tests, cleanup, health, watched, reconciled] = await Promise.all([
    knownBackups(places, { targets: config.targets.map(({ name }) => name), perTarget: 1 }),
    lastCleanup(store, now),
    readDocument(store, healthKeys.report, healthReportSchema),
    readDocument(store, healthKeys.watch, watchStateSchema),
    readDocument(store, healthKeys.reconciler, reconcilerStateSchema),
  ]);
  const newestFirst = tests.restoreTests.toSorted((a, b) => b.endedAt.localeCompare(a.endedAt));
  const testOf = (target?: string): LastRun => {
    const found = newestFirst.find((test) => target === undefined || test.target === target);
    return found === undefined ? null : { at: found.endedAt, outcome: found.status };
  };
  const ended = (at: string | undefined, outcome: string): LastRun => (at === undefined ? null : { at, outcome });
  return new Map<string, LastRun>([
    ['restore-test', testOf()],
    ...config.targets.map(({ name }) => [`${name}-restore-test`, testOf(name)] as const),
    ['cleanup', cleanup],
    ['health-check', ended(health.value?.at, health.value?.status ?? '')],
    ['watch', ended(watched.value?.at, `${watched.value?.open.length ?? 0} problems open`)],
    ['reconcile', ended(reconciled.value?.at, `${reconciled.value?.applied ?? 0} events brought to the catalog`)],
  ]);
}

/** By its lease, which a cleanup takes before it removes anything. */
async function lastCleanup(store: Store, now: Date): Promise<LastRun> {
  const lease = await leaseAt(store, cleanupLeaseKey);
  if (lease === undefined) return null;
  const isHeld = !lease.isReleased && Date.parse(lease.until) > now.getTime();
  return { at: lease.since, outcome: isHeld ? 'RUNNING' : lease.isReleased ? 'ENDED' : 'ended without a word' };
}
