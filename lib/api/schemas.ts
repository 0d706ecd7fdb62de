import { z } from 'zod';
import { backupIdSchema, targetNameSchema } from '../core/ids.ts';
import {
  backupStatusSchema,
  engineSchema,
  methodSchema,
  tierSchema,
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
    isCompared: z.boolean(),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    errorHint: z.string().nullable(),
    execution: z.string().nullable(),
  })
  .meta({ id: 'Restore' });
