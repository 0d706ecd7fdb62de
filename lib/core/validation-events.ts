import * as z from 'zod';
import { tablesAndRows } from './content-words.ts';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { eventBase, eventErrorSchema } from './journal-base.ts';
import { contentWordsSchema, requesterSchema } from './manifest.ts';
import { restoreProofSchema } from './restore-proof.ts';
import { endedValidationStatusSchema } from './vocabulary.ts';

/**
 * Every look that somebody took at a backup, as an operation with an id of its own. What it means for the backup is told by a
 * `backup-verified` event beside it, under the backup's id.
 */
const ofBackup = { ...eventBase, backupId: backupIdSchema, target: targetNameSchema, requestedBy: requesterSchema };
const countSchema = z.number().int().nonnegative();

/** A backup was read from the store: `full` to the last byte, `sample` the beginning of each stream. */
export const validationEndedSchema = z.strictObject({
  ...ofBackup,
  event: z.literal('validation-ended'),
  type: z.enum(['full', 'sample']),
  status: endedValidationStatusSchema,
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  objects: countSchema,
  readBytes: countSchema,
  problems: countSchema,
  error: eventErrorSchema.optional(),
});

export const restoreTestRequestedSchema = z.strictObject({
  ...ofBackup,
  event: z.literal('restore-test-requested'),
  /** Why this backup: it was named, or how likely it was among how many. */
  reason: z.string(),
  execution: z.string(),
});

/** What a restore test did, as far as it came. */
export const restoreTestFiguresSchema = z.strictObject({
  /** What was restored into: `PostgreSQL`, and which version of it. */
  server: z.string().default('PostgreSQL'),
  serverVersion: z.string(),
  databases: countSchema,
  tables: countSchema,
  rows: countSchema,
  /** What `tables` and `rows` are. */
  words: contentWordsSchema.default(tablesAndRows),
  /** What was done with them. */
  proof: restoreProofSchema.optional(),
  /** Tables and indexes that amcheck went through. */
  relations: countSchema,
  assertions: countSchema,
  restoredBytes: countSchema,
  /** From the first byte asked of the store until every database was in place and compared. */
  restoreSeconds: z.number().nonnegative(),
  /** The moment that was brought back, where it is another than the backup's own: one that its log leads to. */
  restoredPoint: z.iso.datetime().optional(),
});
export type RestoreTestFigures = z.infer<typeof restoreTestFiguresSchema>;

export const restoreTestEndedSchema = z.strictObject({
  ...ofBackup,
  event: z.literal('restore-test-ended'),
  status: endedValidationStatusSchema,
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  figures: restoreTestFiguresSchema.optional(),
  /** From the request until the databases were in place and compared: what a recovery would have taken. */
  rtoSeconds: z.number().nonnegative().optional(),
  error: eventErrorSchema.optional(),
});
