import { Cron } from 'croner';
import * as z from 'zod';
import { HoldfastError } from './errors.ts';
import { schedulerCron } from './schedule-expression.ts';

/** A schedule's pattern: the five fields of cron, as far as EventBridge Scheduler knows them too. */
export const cronSchema = z.string().max(200).superRefine(checkCron);

/** A time zone by its IANA name. */
export const timezoneSchema = z.string().max(64).refine(isTimeZone, 'is not a time zone, e.g. Europe/Berlin');

const weekday = '(?:[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)';
// The last two are the last and the nth of its kind in a month.
const weekdayPart = `(?:(?:\\*|${weekday}(?:-${weekday})?)(?:/\\d+)?|[0-7]L|[0-7]#[1-5])`;
const forms: readonly RegExp[] = [
  /^[\d*,/-]+$/,
  /^[\d*,/-]+$/,
  /^[\d*,/L-]+$/i,
  /^[\dA-Z*,/-]+$/i,
  new RegExp(`^${weekdayPart}(?:,${weekdayPart})*$`, 'i'),
];

function checkCron(pattern: string, context: z.RefinementCtx): void {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5) {
    context.addIssue('must have five fields: minute hour day-of-month month day-of-week');
    return;
  }
  try {
    new Cron(pattern, { paused: true });
    schedulerCron(pattern);
  } catch (error) {
    const hint = error instanceof HoldfastError ? ` (${error.hint})` : '';
    context.addIssue(`is not a cron schedule: ${error instanceof Error ? error.message : String(error)}${hint}`);
    return;
  }
  const strange = fields.find((field, index) => !forms[index]?.test(field));
  if (strange !== undefined)
    context.addIssue(`is not a cron schedule: EventBridge Scheduler and cron do not mean the same by '${strange}'`);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // Offsets such as '+02:00' are no names, and Scheduler refuses them.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
