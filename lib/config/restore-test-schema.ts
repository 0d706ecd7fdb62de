import * as z from 'zod';
import { assertionSchema } from '../core/assertions.ts';
import { scheduleSchema, timezoneSchema } from './schedule-schema.ts';

/** How backups of one target are tested by restoring them: what all engines have. */
export const restoreTestShape = {
  schedule: scheduleSchema
    .optional()
    .describe("Tests of this target's backups beside those that restoreTests chooses; none when left out"),
  timezone: timezoneSchema,
  assertions: z
    .array(assertionSchema)
    .max(100)
    .default([])
    .describe('What a good copy answers to questions of yours; see docs/restore-tests.md'),
  assertionTimeoutSeconds: z
    .number()
    .int()
    .positive()
    .default(300)
    .describe('An assertion that takes longer has failed'),
};

/** The settings of a backup whose target is configured no more. */
export const defaultRestoreTest = z.object(restoreTestShape).parse({});

/** The tests that are chosen among all targets. */
export const restoreTestsSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe('false: no restore test is started by a schedule'),
    schedule: scheduleSchema
      .default('0 12 * * 0')
      .describe('One backup of all targets is chosen and tested then: newest of the longest unverified, most likely'),
    timezone: timezoneSchema,
    verifiedWithinDays: z
      .number()
      .int()
      .positive()
      .default(35)
      .describe('A target whose last verified restorable point is older is reported as late'),
  })
  .prefault({})
  .describe('Backups are restored into a server of their own and examined, on schedule');
