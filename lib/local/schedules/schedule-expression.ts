import { Cron } from 'croner';
import { HoldfastError } from '../../core/errors.ts';
import { type NextTime, wallClockTimes } from '../../core/wall-clock.ts';

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * An EventBridge Scheduler expression: `cron(minute hour day month weekday year)`, `rate(5 minutes)` or `at(2026-11-21T02:00:00)`,
 * in `timezone`. A local time that daylight saving leaps over is skipped, and one that comes twice fires the first time only, as
 * Scheduler does. A rate counts from `startOfRate`. Throws `assembly-unsupported`, quoting the expression.
 */
export function parseScheduleExpression(expression: string, timezone: string, startOfRate: Date): NextTime {
  const [, kind, argument = ''] = /^(cron|rate|at)\((.*)\)$/.exec(expression.trim()) ?? [];
  if (kind === 'cron') return cronTimes(argument, expression, timezone);
  if (kind === 'rate') return rateTimes(argument, expression, startOfRate);
  if (kind === 'at') {
    const once = new Cron(argument, { timezone });
    return (after) => once.nextRun(after) ?? undefined;
  }
  throw notUnderstood(expression);
}

function cronTimes(argument: string, expression: string, timezone: string): NextTime {
  const fields = argument.trim().split(/\s+/);
  const [minute, hour, day, month, weekday, year] = fields;
  if (fields.length !== 6 || [day, weekday].filter((field) => field === '?').length !== 1)
    throw notUnderstood(expression);
  // croner counts weekdays from Sunday = 0, EventBridge from SUN = 1; and it wants both ends of a range with steps.
  const croner = [
    '0',
    stepped(minute ?? '', 59),
    stepped(hour ?? '', 23),
    day === '?' ? '*' : stepped(day ?? '', 31),
    stepped(month ?? '', 12),
    weekday === '?' ? '*' : stepped(weekdays(weekday ?? ''), 6),
    stepped(year ?? '', 2199),
  ].join(' ');
  try {
    return wallClockTimes(croner, timezone);
  } catch (cause) {
    throw new HoldfastError('assembly-unsupported', `the schedule '${expression}' in '${timezone}' is not understood`, {
      cause,
    });
  }
}

/** `5/15` as `5-59/15`. */
function stepped(field: string, last: number): string {
  return field.replaceAll(/(^|,)([^-*/,]+)\//g, `$1$2-${last}/`);
}

/** `2-6` as `1-5`, `1#2` as `0#2`, `6L` as `5L`; names and `*` stay. A step counts days and stays. */
function weekdays(field: string): string {
  return field
    .split(',')
    .map((part) => {
      const [range = '', step] = part.split('/');
      const shifted = range.replaceAll(/(?<![#\d])\d/g, (digit) => String(Number(digit) - 1));
      return step === undefined ? shifted : `${shifted}/${step}`;
    })
    .join(',');
}

function rateTimes(argument: string, expression: string, start: Date): NextTime {
  const [, count, unit] = /^(\d+) (minute|hour|day)s?$/.exec(argument.trim()) ?? [];
  const intervalMs = Number(count) * (unitMs[unit as keyof typeof unitMs] ?? Number.NaN);
  if (!(intervalMs > 0)) throw notUnderstood(expression);
  return (after) => {
    const passed = Math.max(0, Math.floor((after.getTime() - start.getTime()) / intervalMs));
    return new Date(start.getTime() + (passed + 1) * intervalMs);
  };
}

function notUnderstood(expression: string): HoldfastError {
  return new HoldfastError('assembly-unsupported', `the schedule '${expression}' is not understood`);
}
