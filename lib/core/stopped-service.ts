import * as z from 'zod';
import { targetNameSchema } from './ids.ts';

/** A service that a run has stopped, and what it takes to start it again. One object for each target, replaced conditionally. */
export const stoppedServiceSchema = z.strictObject({
  formatVersion: z.literal(1),
  target: targetNameSchema,
  cluster: z.string().min(1),
  service: z.string().min(1),
  /** What its desired count was, and will be again. */
  desiredCount: z.number().int().positive(),
  /** The execution that wants it stopped, for as long as it holds this lease. */
  holder: z.string().min(1),
  lease: z.string().min(1),
  stoppedAt: z.iso.datetime(),
  /** Null: nobody has started it yet. */
  startedAt: z.iso.datetime().nullable(),
});
export type StoppedService = z.infer<typeof stoppedServiceSchema>;
