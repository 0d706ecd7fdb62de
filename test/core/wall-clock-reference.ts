/** A quarter of an hour, and what the clock of a zone shows at its beginning. */
type Quarter = {
  readonly at: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  /** Has the clock shown this quarter before, because it was put back since? */
  readonly isRepeated: boolean;
};

const quarterMs = 900_000;

/** Every quarter of an hour after `from` and before `until`. No zone in use changes its clocks but at a whole quarter. */
export function quartersOf(timezone: string, from: string, until: string): readonly Quarter[] {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  const shown = new Set<string>();
  const quarters: Quarter[] = [];
  for (let at = Date.parse(from); at < Date.parse(until); at += quarterMs) {
    const face = clock.format(at);
    const [, day = 0, month = 0, year = 0, hour = 0, minute = 0] = (
      /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+)$/.exec(face) ?? []
    ).map(Number);
    const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
    quarters.push({ at, day, month, weekday, hour, minute, isRepeated: shown.has(face) });
    shown.add(face);
  }
  return quarters;
}

/**
 * What EventBridge Scheduler's documentation says of cron schedules and daylight saving, minute by minute and without any library of cron: a
 * schedule fires when the clock of its zone shows a time that matches; a time that the clock never shows is skipped; one that it shows twice
 * fires the first time only.
 */
export function referenceTimes(cron: string, quarters: readonly Quarter[]): string[] {
  const [minutes, hours, days, months, weekdays] = cron
    .split(' ')
    .map((field, index) => matcher(field, [0, 0, 1, 1, 0][index] ?? 0));
  return quarters
    .filter(
      ({ isRepeated, hour, day, month, weekday }) =>
        !isRepeated && hours?.(hour) && days?.(day) && months?.(month) && weekdays?.(weekday),
    )
    .flatMap(({ at, minute }) =>
      Array.from({ length: 15 }, (_, index) => index)
        .filter((index) => minutes?.(minute + index))
        .map((index) => new Date(at + index * 60_000).toISOString()),
    );
}

/** `*`, steps of it, ranges and lists: all that the tests use. */
function matcher(field: string, first: number): (value: number) => boolean {
  const parts = field.split(',').map((part) => {
    const [range = '', step = '1'] = part.split('/');
    const [from = '', to = from] = range.split('-');
    return (value: number) =>
      range === '*' ? (value - first) % Number(step) === 0 : value >= Number(from) && value <= Number(to);
  });
  return (value) => parts.some((part) => part(value));
}
