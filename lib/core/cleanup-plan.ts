import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { tierSchema } from './vocabulary.ts';

/**
 * What a cleanup decided, backup by backup, and what it is going to do, in order. Written once, by the planner; whoever executes it looks at
 * holds and readers anew before each removal.
 */
const namedSchema = { target: targetNameSchema, id: backupIdSchema };
const ownedSchema = { ...namedSchema, tenant: z.string().nullable() };

const logPositionSchema = z.string().regex(/^[0-9A-F]{16}$/);

export const cleanupTaskSchema = z.discriminatedUnion('task', [
  /** To be removed: its time is over, and nothing needs it. */
  z.strictObject({ task: z.literal('remove'), ...ownedSchema, reason: z.string() }),
  /** Its removal was begun before, and came so far that the manifest is gone. */
  z.strictObject({ task: z.literal('finish'), ...ownedSchema }),
  /** Its removal was decided before, and now it stays after all. */
  z.strictObject({ task: z.literal('keep'), ...ownedSchema, reason: z.string() }),
  /** The store's own legal hold of its objects is not what the journal says. */
  z.strictObject({ task: z.literal('hold'), ...namedSchema, isHeld: z.boolean() }),
  /** What is left over: data that no manifest will name, or small objects that nobody reads any more. */
  z.strictObject({
    task: z.literal('erase'),
    prefix: z.string().min(1),
    modifiedBefore: z.iso.datetime().optional(),
    reason: z.string(),
  }),
  /** A stretch of one timeline of a server's write-ahead log that no backup needs, as long as nothing has come to need it. */
  z.strictObject({
    task: z.literal('erase-log'),
    target: targetNameSchema,
    systemIdentifier: z.string().regex(/^\d{1,20}$/),
    prefix: z.string().min(1),
    /** Only keys that sort before this one. */
    before: z.string().optional(),
    modifiedBefore: z.iso.datetime(),
    /** No backup that is kept begins before this position; null when none is of that system at all. */
    needlessBefore: logPositionSchema.nullable(),
    /** Backups that need it, and that this plan removes: it goes after them. */
    after: z.array(backupIdSchema),
    reason: z.string(),
  }),
  /** Pieces of segments of a log that are there whole, below the folder of a timeline. */
  z.strictObject({
    task: z.literal('erase-pieces'),
    folder: z.string().min(1),
    segments: z.array(z.string().min(1)).min(1),
    reason: z.string(),
  }),
  z.strictObject({ task: z.literal('abandon-uploads'), before: z.iso.datetime() }),
]);
export type CleanupTask = z.infer<typeof cleanupTaskSchema>;

/** What is to become of one backup, by which rule, in words. */
export const plannedDecisionSchema = z.strictObject({
  ...namedSchema,
  tier: tierSchema,
  verdict: z.enum(['keep', 'delete']),
  rule: z.string(),
  reason: z.string(),
  storedBytes: z.number().int().nonnegative(),
});
export type PlannedDecision = z.infer<typeof plannedDecisionSchema>;

/** What is to become of a part of a server's write-ahead log, timeline by timeline. */
export const plannedLogSchema = z.strictObject({
  target: targetNameSchema,
  systemIdentifier: z.string(),
  timeline: z.number().int().positive(),
  verdict: z.enum(['keep', 'delete']),
  rule: z.string(),
  reason: z.string(),
  /** The first and the last of its files, by the server's names. */
  first: z.string(),
  last: z.string(),
  objects: z.number().int().nonnegative(),
  storedBytes: z.number().int().nonnegative(),
});
export type PlannedLog = z.infer<typeof plannedLogSchema>;

export const cleanupPlanSchema = z.strictObject({
  formatVersion: z.literal(1),
  cleanupId: backupIdSchema,
  /** Before anything was looked at: whoever read a backup since then is taken to need it. */
  plannedAt: z.iso.datetime(),
  decisions: z.array(plannedDecisionSchema),
  /** Empty in plans of before there were logs. */
  logs: z.array(plannedLogSchema).default([]),
  tasks: z.array(cleanupTaskSchema),
  /** What could not be read, and what was left alone for it. */
  notes: z.array(z.string()),
});
export type CleanupPlan = z.infer<typeof cleanupPlanSchema>;
