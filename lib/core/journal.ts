import { z } from 'zod';
import { cronSchema, timezoneSchema } from './cron.ts';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { requesterSchema } from './manifest.ts';
import { engineSchema, methodSchema, tierSchema, verificationStatusSchema } from './vocabulary.ts';

/**
 * What happens to a backup or a recovery, one write-once object per event under `journal/<operationId>/`.
 *
 * The catalog is a projection of these events: the same events give the same rows, whether they are applied as they
 * happen, after an outage, or years later by `holdfast catalog rebuild`. Times in rows come from events, never from now().
 */
const base = { operation: backupIdSchema, at: z.iso.datetime(), tenant: z.string().nullable() };
const errorSchema = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });

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
});

export const backupVerifiedSchema = z.strictObject({
  ...base,
  event: z.literal('backup-verified'),
  verification: verificationStatusSchema,
  detail: z.string(),
});

export const recoveryRequestedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-requested'),
  backupId: backupIdSchema,
  target: targetNameSchema,
  destination: z.string(),
  requestedBy: requesterSchema,
  execution: z.string(),
});

export const recoveryEndedSchema = z.strictObject({
  ...base,
  event: z.literal('recovery-ended'),
  status: z.enum(['COMPLETED', 'FAILED']),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  restoredBytes: z.number().int(),
  compared: z.boolean(),
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
  recoveryRequestedSchema,
  recoveryEndedSchema,
  schedulesDeclaredSchema,
  scheduleChangedSchema,
]);
export type JournalEvent = z.infer<typeof journalEventSchema>;

/** Within one operation events are applied in this order, whatever order they were written in. */
const order: Record<JournalEvent['event'], number> = {
  'schedules-declared': 0,
  'schedule-changed': 0,
  'backup-requested': 10,
  'recovery-requested': 10,
  'backup-begun': 20,
  'backup-completed': 30,
  'backup-failed': 30,
  'recovery-ended': 30,
  'backup-verified': 40,
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
