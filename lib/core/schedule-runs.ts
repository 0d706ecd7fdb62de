import { Cron } from 'croner';

/** A year's worth of a daily schedule, and a generation of a monthly one: enough to meet every leap, short month and clock change. */
const runsLookedAt = 400;

/** Any year would do; a fixed one gives the same template every day. */
const from = new Date('2026-01-01T00:00:00Z');

/** A cron pattern of five fields in its time zone. */
export type When = { readonly schedule: string; readonly timezone: string };

const cronOf = ({ schedule, timezone }: When): Cron => new Cron(schedule, { paused: true, timezone });

/** The longest time between two runs that follow each other, in hours. */
export function longestGapHours(when: When): number {
  const runs = cronOf(when).nextRuns(runsLookedAt, from);
  const gaps = runs.slice(1).map((run, index) => run.getTime() - (runs[index]?.getTime() ?? 0));
  return Math.max(...gaps) / 3_600_000;
}

/**
 * Is a run due within the hour that does not exist on the day on which clocks go forward? EventBridge Scheduler leaves such a run out. (Cron
 * runs it later, at a time that its own pattern does not match.)
 */
export function isSkippedWhenClocksGoForward(when: When): boolean {
  const cron = cronOf(when);
  return cron.nextRuns(runsLookedAt, from).some((run) => !cron.match(run));
}
