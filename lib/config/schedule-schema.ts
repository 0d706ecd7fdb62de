import { cronSchema, timezoneSchema as zoneSchema } from '../core/cron.ts';

/** When something runs. */
export const scheduleSchema = cronSchema.describe('Cron: minute hour day-of-month month day-of-week');
/** In which zone that is. */
export const timezoneSchema = zoneSchema
  .default('UTC')
  .describe("The schedule's, by its IANA name, e.g. Europe/Berlin");
