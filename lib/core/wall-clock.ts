import { Cron } from 'croner';

/** Does a pattern's time come twice? Transitions of clocks are at least hours apart, and none is longer than this. */
const longestShiftMs = 6 * 3_600_000;

/** The next time after `after`; undefined when there is none. */
export type NextTime = (after: Date) => Date | undefined;

/**
 * The times of a cron pattern (croner's form) on the clock of `timezone`, as EventBridge Scheduler has them: a local time that clocks leap over
 * is left out, and of one that comes twice only the first counts, however often the pattern runs within the hour. Throws what croner throws.
 */
export function wallClockTimes(pattern: string, timezone: string): NextTime {
  const cron = new Cron(pattern, { timezone, paused: true });
  const offsetAt = offsetsOf(timezone);
  return (after) => {
    let next = cron.nextRun(after);
    // croner moves a time in the gap to the gap's end, where the pattern does not match, and runs frequent patterns in both of two equal hours.
    while (next !== null && (!cron.match(next) || isRepeated(next, offsetAt))) next = cron.nextRun(next);
    return next ?? undefined;
  };
}

/** Has the clock shown this very time before, because it was put back since? */
function isRepeated(at: Date, offsetAt: (at: number) => number): boolean {
  const now = offsetAt(at.getTime());
  const before = offsetAt(at.getTime() - longestShiftMs);
  return before > now && offsetAt(at.getTime() - (before - now)) === before;
}

/** How far ahead of UTC the clock is, in milliseconds. */
function offsetsOf(timezone: string): (at: number) => number {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
  };
}
