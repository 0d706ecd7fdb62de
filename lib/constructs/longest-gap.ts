import { Cron } from 'croner';

/** A year's worth of a daily schedule, and a generation of a monthly one: enough to meet every leap, short month and clock change. */
const runsLookedAt = 400;

/** Any year would do; a fixed one gives the same template every day. */
const from = new Date('2026-01-01T00:00:00Z');

/** The longest time between two runs that follow each other, in hours. */
export function longestGapHours({
  schedule,
  timezone,
}: {
  readonly schedule: string;
  readonly timezone: string;
}): number {
  const runs = new Cron(schedule, { paused: true, timezone }).nextRuns(runsLookedAt, from);
  const gaps = runs.slice(1).map((run, index) => run.getTime() - (runs[index]?.getTime() ?? 0));
  return Math.max(...gaps) / 3_600_000;
}
