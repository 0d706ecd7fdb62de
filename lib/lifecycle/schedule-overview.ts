import type { HoldfastConfig } from '../config/config.ts';
import { schedulesOf } from '../config/schedules.ts';
import { dueTimes } from '../core/due-times.ts';
import { type ScheduleState, schedulesInForce } from '../core/schedules.ts';
import { readScheduleChanges } from '../store/schedule-changes.ts';
import type { Store } from '../store/store.ts';
import { type LastRun, lastRuns } from './last-runs.ts';

/** A schedule as it is in force, what became of its last run, and when it runs next: never while it is disabled. */
export type ScheduleOverview = ScheduleState & {
  readonly lastRun: LastRun | null;
  readonly nextRuns: readonly string[];
};

/** How many next runs of a schedule are told when no time is given. */
const shownRuns = 3;

/** Every configured schedule, by name, from configuration and store alone. With `hours`, all runs of so many hours from now. */
export async function scheduleOverview(
  { config, store, clock }: { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date },
  { hours }: { readonly hours?: number | undefined } = {},
): Promise<readonly ScheduleOverview[]> {
  const now = clock();
  const states = schedulesInForce(schedulesOf(config), await readScheduleChanges(store));
  const runs = await lastRuns(store, states, now);
  const window =
    hours === undefined
      ? { after: now, limit: shownRuns }
      : { after: now, until: new Date(now.getTime() + hours * 3_600_000) };
  return states.map((state) => ({
    ...state,
    lastRun: runs.get(state.name) ?? null,
    nextRuns: state.enabled ? dueTimes(state, window).map((due) => due.toISOString()) : [],
  }));
}
