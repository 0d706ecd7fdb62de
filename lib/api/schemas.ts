import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from '../core/ids.ts';
import { restoreProofSchema } from '../core/restore-proof.ts';
import {
  backupStatusSchema,
  engineSchema,
  methodSchema,
  tierSchema,
  validationStatusSchema,
  validationTypeSchema,
  verificationStatusSchema,
} from '../core/vocabulary.ts';
import { timeSchema } from './time.ts';

/** A backup as the catalog knows it; what is not known (yet) is null. */
const backupFields = {
  backupId: backupIdSchema,
  target: targetNameSchema.nullable(),
  engine: engineSchema.nullable(),
  method: methodSchema.nullable(),
  tier: tierSchema.nullable(),
  type: z.enum(['FULL', 'INCREMENTAL', 'SCHEMA']).nullable(),
  status: backupStatusSchema,
  startTime: timeSchema,
  endTime: timeSchema.nullable(),
  durationSeconds: z.number().nullable(),
  plainBytes: z.number().nullable(),
  storedBytes: z.number().nullable(),
  compressionRatio: z.number().nullable(),
  verification: verificationStatusSchema,
  errorCode: z.string().nullable(),
  errorMessage: z.string().nullable(),
  errorHint: z.string().nullable(),
  storageLocation: z.string().nullable(),
  retentionUntil: timeSchema.nullable(),
  scheduledTime: timeSchema.nullable(),
  requestedByKind: z.string().nullable(),
  requestedByName: z.string().nullable(),
  execution: z.string().nullable(),
  holdSince: timeSchema.nullable().describe('Not null: no cleanup removes it'),
  holdBy: z.string().nullable(),
  holdReason: z.string().nullable(),
  expiryReason: z.string().nullable().describe('Of an expired or deleted backup: the rule that let it go'),
};

export const backupSchema = z.object(backupFields).meta({ id: 'Backup' });

/** A backup from one change to the next; `source` is the key of the event in the store that says so. */
export const stageSchema = z
  .object({ ...backupFields, since: timeSchema, until: timeSchema.nullable(), source: z.string() })
  .meta({ id: 'BackupStage' });

export const restoreSchema = z
  .object({
    recoveryId: backupIdSchema,
    backupId: backupIdSchema.nullable(),
    target: targetNameSchema.nullable(),
    destination: z.string().nullable(),
    status: z.enum(['REQUESTED', 'RUNNING', 'COMPLETED', 'FAILED']),
    startTime: timeSchema,
    endTime: timeSchema.nullable(),
    durationSeconds: z.number().nullable(),
    restoredBytes: z.number().nullable(),
    isCompared: z.boolean().describe('Was the copy held against the backup?'),
    proof: restoreProofSchema
      .nullable()
      .describe(
        'compared: all of it was read back; loaded: by the digests of what was loaded; examined: a cluster was recovered and its tables, indexes and pages gone through; recovered: and no more; unpacked: it was not started; null: not known, or not ended',
      ),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    errorHint: z.string().nullable(),
    execution: z.string().nullable(),
    approvalAwaitedSince: timeSchema
      .nullable()
      .describe('Since when it waits for a second person; null when it does not'),
    approvalAwaitedUntil: timeSchema.nullable().describe('When it is given up, if nobody has approved it'),
  })
  .meta({ id: 'Restore' });

/** A look that was taken at a backup; what was not measured is null. */
export const validationResultSchema = z
  .object({
    validationId: backupIdSchema,
    backupId: backupIdSchema,
    target: targetNameSchema,
    type: validationTypeSchema.describe('Read to the last byte, read in part, or restored and examined'),
    status: validationStatusSchema.describe(
      'NOT_TESTABLE: the place lacks something, which says nothing of the backup. ERROR: the look came to no end',
    ),
    startTime: timeSchema,
    endTime: timeSchema.nullable(),
    durationSeconds: z.number().nullable(),
    objects: z.number().nullable(),
    bytesRead: z.number().nullable(),
    tables: z.number().nullable(),
    rows: z.number().nullable(),
    relations: z.number().nullable(),
    assertions: z.number().nullable(),
    serverVersion: z.string().nullable(),
    rtoSeconds: z.number().nullable(),
    restoreSeconds: z.number().nullable(),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    errorHint: z.string().nullable(),
    execution: z.string().nullable(),
  })
  .meta({ id: 'ValidationResult' });
