import { longestGapHours, type When } from './schedule-runs.ts';
import type { Method } from './vocabulary.ts';

type Scheduled = When & { readonly method: Method; readonly enabled: boolean };

export type Objectives = {
  /** Within so many hours there must be a complete backup: the longest time between two runs, and the longest run. */
  readonly windowHours: number;
  /**
   * The recovery point objective where the schedule can meet it, otherwise null: a nightly backup never meets four hours, and an alarm
   * that never ends is none.
   */
  readonly rpoHours: number | null;
};

/** What may be expected of a target's backups by one method, from its most frequent schedule. Undefined when none is scheduled. */
export function objectivesOf(
  { backups, rpoHours }: { readonly backups: readonly Scheduled[]; readonly rpoHours: number },
  method: Method,
  timeoutSeconds: number,
): Objectives | undefined {
  const gaps = backups.filter((entry) => entry.enabled && entry.method === method).map(longestGapHours);
  if (gaps.length === 0) return undefined;
  const gapHours = Math.min(...gaps);
  return {
    windowHours: Math.ceil(gapHours + timeoutSeconds / 3600),
    rpoHours: rpoHours >= gapHours ? rpoHours : null,
  };
}
