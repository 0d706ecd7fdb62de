import { Cron } from 'croner';
import { z } from 'zod';

/** When something runs. */
export const scheduleSchema = z
  .string()
  .superRefine(checkCron)
  .describe('Cron: minute hour day-of-month month day-of-week');
/** In which zone that is. */
export const timezoneSchema = z
  .string()
  .default('UTC')
  .refine(isTimeZone, 'is not a time zone, e.g. Europe/Berlin')
  .describe("The schedule's, by its IANA name, e.g. Europe/Berlin");

function checkCron(pattern: string, context: z.RefinementCtx): void {
  if (pattern.trim().split(/\s+/).length !== 5) {
    context.addIssue('must have five fields: minute hour day-of-month month day-of-week');
    return;
  }
  try {
    new Cron(pattern, { paused: true });
  } catch (error) {
    context.addIssue(`is not a cron schedule: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
