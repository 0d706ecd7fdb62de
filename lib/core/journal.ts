import * as z from 'zod';
import { cleanupTotalsSchema } from './cleanup.ts';
import { cronSchema, timezoneSchema } from './cron.ts';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { eventBase as base, eventErrorSchema as errorSchema } from './journal-base.ts';
import { requesterSchema } from './manifest.ts';
import { recoveryPlanSchema } from './recovery-plan.ts';
import { reachedPointSchema, recoveryPointSchema } from './recovery-point.ts';
import { restoreProofSchema } from './restore-proof.ts';
import { restoreTestEndedSchema, restoreTestRequestedSchema, validationEndedSchema } from './validation-events.ts';
import {
  compressionSchema,
  engineSchema,
  methodSchema,
  tierSchema,
  validationTypeSchema,
  verificationStatusSchema,
} from './vocabulary.ts';

/**
 * What happens to a backup, a recovery or a validation, one write-once object per event under `journal/<operationId>/`.
 *
 * The catalog is a projection of these events: the same events give the same rows, whether they are applied as they
 * happen, after an outage, or years later by `holdfast catalog rebuild`. Times in rows come from events, never from now().
 */
export const backupRequestedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-requested'),
  target: targetNameSchema,
  engine: engineSchema,
  method: methodSchema,
  tier: tierSchema,
  scheduledTime: z.iso.datetime().nullable(),
  requestedBy: requesterSchema,
  execution: z.string(),
  parent: backupIdSchema.nullable(),
});

export const backupBegunSchema = z.strictObject({
  ...base,
  event: z.literal('backup-begun'),
  fencingToken: z.number().int(),
});

export const backupCompletedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-completed'),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  plainBytes: z.number().int(),
  storedBytes: z.number().int(),
  storageLocation: z.string(),
  storageType: z.enum(['s3', 'file']),
  retentionUntil: z.iso.datetime(),
  verification: verificationStatusSchema,
  /** The point in time that it brings back. Events of older versions lack it. */
  restorablePoint: z.iso.datetime().optional(),
  /** How long the validation by the workflow took, where there was one. */
  validationSeconds: z.number().nonnegative().optional(),
  /** What it builds on, which only the run itself finds out. */
  parent: backupIdSchema.optional(),
  /** The backup at the end of the chain that it was made of; it then brings back no moment that was not there before. */
  madeFrom: backupIdSchema.optional(),
  /** Where the target's log is received: the newest point that it led to from an earlier backup, and when that was seen, as this was recorded. */
  logPoint: z.strictObject({ at: z.iso.datetime(), seenAt: z.iso.datetime() }).optional(),
});

/** `storageLocation` is there when something restorable was published all the same (a partial backup). */
export const backupFailedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-failed'),
  endedAt: z.iso.datetime(),
  error: errorSchema,
  storageLocation: z.string().optional(),
  storageType: z.enum(['s3', 'file']).optional(),
  plainBytes: z.number().int().optional(),
  storedBytes: z.number().int().optional(),
  retentionUntil: z.iso.datetime().optional(),
  parent: backupIdSchema.optional(),
});

export const backupVerifiedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-verified'),
  verification: verificationStatusSchema,
  detail: z.string(),
  /** How it was looked at, and the operation that did. Events of older versions lack both. */
  by: validationTypeSchema.optional(),
  validation: backupIdSchema.optional(),
  /** The moment that was brought back, where it is another than the backup's own: one that its log leads to. */
  restoredPoint: z.iso.datetime().optional(),
});

/** From now on nobody may remove it, until it is released. */
export const backupHeldSchema = z.strictObject({
  ...base,
  event: z.literal('backup-held'),
  heldBy: requesterSchema,
  reason: z.string(),
});

export const backupReleasedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-released'),
  releasedBy: requesterSchema,
  reason: z.string(),
});

/** A cleanup has decided that it goes, and begins to remove it. */
export const backupExpiredSchema = z.strictObject({
  ...base,
  event: z.literal('backup-expired'),
  target: targetNameSchema,
  cleanup: backupIdSchema,
  reason: z.string(),
});

/** It was to go, nothing of it has gone, and it stays: a hold or a lock came in between, or another plan keeps it. */
export const backupKeptSchema = z.strictObject({
  ...base,
  event: z.literal('backup-kept'),
  cleanup: backupIdSchema,
  reason: z.string(),
});

/** Nothing of it is left in the store. */
export const backupDeletedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-deleted'),
  cleanup: backupIdSchema,
  freedBytes: z.number().int().nonnegative(),
});

/** What a cleanup did, for the record. `operation` is the cleanup's own. */
export const cleanupEndedSchema = z.strictObject({
  ...base,
  event: z.literal('cleanup-ended'),
  status: z.enum(['COMPLETED', 'FAILED']),
  target: targetNameSchema.nullable(),
  requestedBy: requesterSchema,
  execution: z.string(),
  beganAt: z.iso.datetime(),
  totals: cleanupTotalsSchema,
  error: errorSchema.optional(),
});

export const recoveryRequestedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-requested'),
  backupId: backupIdSchema,
  target: targetNameSchema,
  destination: z.string(),
  requestedBy: requesterSchema,
  execution: z.string(),
  /** The point in time that was asked for; left out, the backup's own. */
  targetTime: z.iso.datetime().optional(),
  /** How far the log was to be applied, where one was. */
  point: recoveryPointSchema.optional(),
});

/** Its execution waits for a second person's approval, and until then at most. */
export const recoveryApprovalAwaitedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-approval-awaited'),
  target: targetNameSchema,
  until: z.iso.datetime(),
  execution: z.string(),
});

/** A second person's consent to a recovery that may not run without. */
export const recoveryApprovedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-approved'),
  approvedBy: requesterSchema,
});

/** Somebody's word that it is not to run. */
export const recoveryRefusedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-refused'),
  refusedBy: requesterSchema,
  reason: z.string().optional(),
});

/** It may run, it is known that it can, and it begins. */
export const recoveryBegunSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-begun'),
  plan: recoveryPlanSchema,
});

export const recoveryEndedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-ended'),
  status: z.enum(['COMPLETED', 'FAILED']),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  restoredBytes: z.number().int(),
  compared: z.boolean(),
  /** How, the least of all copies; left out where nothing could be read back, and by older versions. */
  proof: restoreProofSchema.optional(),
  /** From the first byte asked of the store until every database was in place and compared. */
  restoreSeconds: z.number().nonnegative().optional(),
  /** Where the log ended that was applied. */
  reached: reachedPointSchema.optional(),
  error: errorSchema.optional(),
});

/** All schedules of the deployed configuration, so that the catalog can be rebuilt without it. */
export const schedulesDeclaredSchema = z.strictObject({
  ...base,
  event: z.literal('schedules-declared'),
  schedules: z.array(
    z.strictObject({
      name: z.string(),
      target: targetNameSchema,
      engine: engineSchema,
      method: methodSchema,
      tier: tierSchema,
      cron: z.string(),
      timezone: z.string(),
      retentionDays: z.number().int().positive(),
      enabled: z.boolean(),
      tenant: z.string().nullable().default(null),
    }),
  ),
});

/** What can be asked for: the targets of the deployed configuration, where backups go, and the state machines that there are. */
export const targetsDeclaredSchema = z.strictObject({
  ...base,
  event: z.literal('targets-declared'),
  storageType: z.enum(['s3', 'file']),
  storageLocation: z.string(),
  compression: compressionSchema,
  machines: z.array(z.string()),
  targets: z.array(
    z.strictObject({
      name: targetNameSchema,
      engine: engineSchema,
      tenant: z.string().nullable(),
      /** The first is the usual one. */
      methods: z.array(methodSchema).min(1),
      incrementalMethods: z.array(methodSchema),
    }),
  ),
});

/** What a person may set of a schedule without a deployment. */
export const scheduleSettingsSchema = z.strictObject({
  cron: cronSchema,
  timezone: timezoneSchema,
  enabled: z.boolean(),
});

/**
 * A schedule was changed by hand: what is set stays set, whatever later deployments declare, until it is reset to the configuration. All changes
 * of one schedule are events of one operation (`scheduleOperation`), so that they are found without the rest of the journal.
 */
export const scheduleChangedSchema = z.strictObject({
  ...base,
  event: z.literal('schedule-changed'),
  schedule: z.string(),
  /** The same wish asked for twice is one change. */
  change: z.string(),
  // Any text: what was a pattern or a zone when it was set must be read by every later version, whatever that one accepts.
  set: z.union([
    z.strictObject({ cron: z.string(), timezone: z.string(), enabled: z.boolean() }).partial(),
    z.literal('as-configured'),
  ]),
  requestedBy: requesterSchema,
});

export const journalEventSchema = z.discriminatedUnion('event', [
  backupRequestedSchema,
  backupBegunSchema,
  backupCompletedSchema,
  backupFailedSchema,
  backupVerifiedSchema,
  backupHeldSchema,
  backupReleasedSchema,
  backupExpiredSchema,
  backupKeptSchema,
  backupDeletedSchema,
  cleanupEndedSchema,
  recoveryRequestedSchema,
  recoveryApprovalAwaitedSchema,
  recoveryApprovedSchema,
  recoveryRefusedSchema,
  recoveryBegunSchema,
  recoveryEndedSchema,
  validationEndedSchema,
  restoreTestRequestedSchema,
  restoreTestEndedSchema,
  schedulesDeclaredSchema,
  scheduleChangedSchema,
  targetsDeclaredSchema,
]);
export type JournalEvent = z.infer<typeof journalEventSchema>;
export type RestoreTestEnded = Extract<JournalEvent, { event: 'restore-test-ended' }>;

/** Within one operation events are applied in this order, whatever order they were written in. */
const order: Record<JournalEvent['event'], number> = {
  'schedules-declared': 0,
  'schedule-changed': 0,
  'targets-declared': 0,
  'backup-requested': 10,
  'recovery-requested': 10,
  'restore-test-requested': 10,
  'recovery-approval-awaited': 12,
  'recovery-approved': 15,
  'recovery-refused': 15,
  'backup-begun': 20,
  'recovery-begun': 20,
  'backup-completed': 30,
  'backup-failed': 30,
  'recovery-ended': 30,
  'restore-test-ended': 30,
  'validation-ended': 30,
  'backup-verified': 40,
  // Of one order each, because they may follow each other more than once: time decides.
  'backup-held': 50,
  'backup-released': 50,
  'backup-expired': 60,
  'backup-kept': 60,
  'backup-deleted': 70,
  'cleanup-ended': 30,
};

/** Where an event is kept. A second event of the same kind and time is the same event: its key exists already. */
export function journalKey(event: JournalEvent): string {
  const stamp = event.at.replaceAll(/[-:.]/g, '');
  return `journal/${event.operation}/${String(order[event.event]).padStart(3, '0')}-${event.event}-${stamp}.json`;
}

/** The order in which events of one operation are applied: by kind, then by time. For `Array.prototype.sort`. */
export function compareEvents(a: JournalEvent, b: JournalEvent): number {
  return (
    order[a.event] - order[b.event] || Date.parse(a.at) - Date.parse(b.at) || (journalKey(a) < journalKey(b) ? -1 : 1)
  );
}

/** The operation whose ending a journal key is, or undefined when the key is that of another event. */
export function endedOperation(key: string): string | undefined {
  return /^journal\/([^/]+)\/030-/.exec(key)?.[1];
}

/** What a journal key says of a recovery that is not at its beginning any more: it waits for somebody, or runs since then. */
export function recoveryStage(
  key: string,
): { readonly operation: string; readonly stage: 'waits' | 'runs'; readonly at: string } | undefined {
  const [, operation, place, stamp = ''] =
    /^journal\/([^/]+)\/(012-recovery-approval-awaited|020-recovery-begun)-(\d{8}T\d{9}Z)\.json$/.exec(key) ?? [];
  if (operation === undefined) return undefined;
  const at = stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/, '$1-$2-$3T$4:$5:$6.$7Z');
  return { operation, stage: place?.startsWith('012') === true ? 'waits' : 'runs', at };
}
