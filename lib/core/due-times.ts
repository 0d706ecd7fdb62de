import { wallClockTimes } from './wall-clock.ts';

/** A cron pattern of five fields, and the IANA name of the time zone whose clock it is read on. */
export type When = { readonly cron: string; readonly timezone: string };

/**
 * The times at which a schedule has to fire, after `after` and up to and with `until`, `limit` of them at most. A time that daylight saving leaps
 * over is no such time, and one that comes twice is one: what EventBridge Scheduler does, and so what a reconciler has to expect of it.
 */
export function dueTimes(
  { cron, timezone }: When,
  { after, until, limit = Number.POSITIVE_INFINITY }: { after: Date; until?: Date; limit?: number },
): readonly Date[] {
  const next = wallClockTimes(cron, timezone);
  const found: Date[] = [];
  for (let due = next(after); due !== undefined && found.length < limit; due = next(due)) {
    if (until !== undefined && due > until) break;
    found.push(due);
  }
  return found;
}

/** How long before a time its predecessor is looked for: no pattern of five fields but one of a leap day is further apart than a year. */
const lookBackSteps = [1, 8, 32, 367, 8 * 366];

/** The last time at or before `at` at which the schedule had to fire: when a run must have begun by. Undefined for a pattern that never does. */
export function lastDue(when: When, at: Date): Date | undefined {
  for (const days of lookBackSteps) {
    const after = new Date(at.getTime() - days * 86_400_000);
    const found = dueTimes(when, { after, until: at }).at(-1);
    if (found !== undefined) return found;
  }
  return undefined;
}
