import * as z from 'zod';
import { tablesAndRows } from './content-words.ts';
import { failureSchema } from './failure.ts';
import { contentWordsSchema } from './manifest.ts';
import { reachedPointSchema } from './recovery-point.ts';
import { restoreProofSchema } from './restore-proof.ts';
import { restoreTestFiguresSchema } from './validation-events.ts';

/**
 * How one attempt of a task ended, in its own words: `outcomes/<operationId>/<attempt>.json`. A task's exit code is all that ECS hands
 * on; this object is where the state machine finds the reason. A task that was killed leaves none.
 */
export const outcomeSchema = z.strictObject({
  attempt: z.string(),
  endedAt: z.iso.datetime(),
  exitCode: z.number().int(),
  failure: failureSchema.optional(),
  restore: z
    .strictObject({
      restoredBytes: z.number().int(),
      /** From the first byte asked of the store until every database was in place and compared. */
      seconds: z.number().nonnegative().optional(),
      /** Where the log ended that was applied. */
      reached: reachedPointSchema.optional(),
      databases: z.array(
        z.strictObject({
          from: z.string(),
          to: z.string(),
          same: z.boolean(),
          /** How that is known; left out where nothing could be read back, as of roles. */
          proof: restoreProofSchema.optional(),
          tables: z.number().int(),
          rows: z.number().int(),
          /** What `tables` and `rows` are. */
          words: contentWordsSchema.default(tablesAndRows),
          differences: z.array(z.string()),
          /** What is as it should be and still worth knowing, e.g. roles that existed and were left alone. */
          remarks: z.array(z.string()),
        }),
      ),
    })
    .optional(),
  restoreTest: restoreTestFiguresSchema.extend({ restoredAt: z.iso.datetime() }).optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;
