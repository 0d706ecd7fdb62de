import * as z from 'zod';
import { backupIdSchema } from './ids.ts';
import { engineSchema } from './vocabulary.ts';

/** What a recovery is about to do, found out before anything is fetched. Positions are the engine's own text. */
export const recoveryPlanSchema = z.strictObject({
  engine: engineSchema,
  /** The backups that it reads, the first being the one that builds on none. */
  backups: z.array(backupIdSchema).min(1),
  plainBytes: z.number().int().nonnegative(),
  storedBytes: z.number().int().nonnegative(),
  /** The moment that the last of them brings back by itself. */
  backupPoint: z.string(),
  /** As a sentence has it. */
  point: z.string(),
  /** The log that goes on from there; null where none does. */
  log: z
    .strictObject({
      timeline: z.number().int(),
      segments: z.number().int().nonnegative(),
      first: z.string().nullable(),
      last: z.string().nullable(),
      bytes: z.number().int().nonnegative(),
      /** Nothing is missing before. */
      reachable: z.string(),
      /** A recovery to the latest point gets so far at least: where the last segment begins. */
      lastSegmentFrom: z.string(),
    })
    .nullable(),
});
export type RecoveryPlan = z.infer<typeof recoveryPlanSchema>;
