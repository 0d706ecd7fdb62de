import * as z from 'zod';

/** A time in an answer. */
export const timeSchema = z.string().meta({ format: 'date-time' });

/** What the catalog can compare with: PostgreSQL knows neither a year 0 nor offsets of a day. */
const isWithinReach = (time: string): boolean => Date.parse(time) >= 0 && Date.parse(time) < Date.UTC(10_000, 0, 1);

/** A time in a request, with any offset, as UTC. */
export const timeQuerySchema = z.iso
  .datetime({ offset: true })
  .refine(isWithinReach, 'is not a time from 1970 to 9999')
  .transform((time) => new Date(time).toISOString());

/** A time that a cursor bears. */
export const timePositionSchema = z.iso.datetime().refine(isWithinReach);
