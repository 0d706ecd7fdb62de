import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { openProblemSchema, problemSchema } from './problems.ts';

/**
 * The objects under `health/`: what is known of the installation's health. Each has one writer, which replaces it. Losing them loses no
 * fact but since when a problem lasts: the next run of each writer makes its own again.
 */
const timeSchema = z.iso.datetime();

/** What the watch knows of a schedule: since when it stands as it does, and what became of the slot that was due last. */
const seenScheduleSchema = z.strictObject({
  /** Its pattern and zone. Another one is another schedule, of which nothing was due before it was there. */
  as: z.string(),
  since: timeSchema,
  /** The last slot whose backup was completed: it need not be asked for again. */
  settled: z.strictObject({ due: timeSchema, operation: backupIdSchema }).optional(),
});

/** How far a received log was found to go on from a base backup, without a hole, when the watch listed it. Positions as the server writes them. */
const logReachSchema = z.strictObject({
  backupId: backupIdSchema,
  systemIdentifier: z.string(),
  timeline: z.number().int().positive(),
  lsn: z.string(),
  /** What the receiver called restorable before that: it can be reached from the backup. */
  point: timeSchema,
});
export type LogReach = z.infer<typeof logReachSchema>;

/** `health/watch.json` */
export const watchStateSchema = z.strictObject({
  formatVersion: z.literal(1),
  at: timeSchema,
  /** Since when it has looked without a gap: what stood still meanwhile is no problem of its own. */
  uninterruptedSince: timeSchema,
  schedules: z.record(z.string(), seenScheduleSchema),
  /** When each target and method was first seen with a schedule: a new one need not have a backup yet. */
  series: z.record(z.string(), timeSchema),
  /** Of each target whose log could be looked at: null where it does not go on from a base backup as far as its receiver says. */
  logs: z.record(z.string(), logReachSchema.nullable()).optional(),
  open: z.array(openProblemSchema),
});
export type WatchState = z.infer<typeof watchStateSchema>;

/** `health/reconciler.json` */
export const reconcilerStateSchema = z.strictObject({
  at: timeSchema,
  journaled: z.number().int(),
  applied: z.number().int(),
  leftOut: z.number().int(),
});
export type ReconcilerState = z.infer<typeof reconcilerStateSchema>;

/** What a target answered when it was asked. */
export const targetHealthSchema = z.strictObject({
  target: targetNameSchema,
  isReachable: z.boolean(),
  /** Why it could not be asked. */
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
  serverVersion: z.string().optional(),
  /** WAL files that wait to be archived; null when the server does not say, or archives none. */
  unarchivedWalFiles: z.number().int().nullable(),
  /** Why a figure is not known, or what else is worth knowing. */
  note: z.string().optional(),
});
export type TargetHealth = z.infer<typeof targetHealthSchema>;

/** `health/targets.json` */
export const targetsHealthSchema = z.strictObject({ at: timeSchema, targets: z.array(targetHealthSchema) });
export type TargetsHealth = z.infer<typeof targetsHealthSchema>;

/** `health/canary.json`: whether each channel of alerts was proved to work, and when it last was. */
export const canaryStateSchema = z.strictObject({
  at: timeSchema,
  channels: z.array(
    z.strictObject({
      channel: z.string(),
      isWorking: z.boolean(),
      detail: z.string(),
      workedAt: timeSchema.nullable(),
    }),
  ),
});
export type CanaryState = z.infer<typeof canaryStateSchema>;

/** A receiver that is at work says so every half minute: what it said last is no news any more after this. */
export const walStateFreshMs = 2 * 60_000;

/**
 * `health/wal/<target>.json`: what the receiver of a target's write-ahead log said last. Positions are as the server writes them. What
 * it says is a convenience: which log there is, the store's own listing tells.
 */
export const walStateSchema = z.strictObject({
  formatVersion: z.literal(1),
  at: timeSchema,
  target: targetNameSchema,
  systemIdentifier: z.string(),
  /** `receiving`, or why not: `waiting` for a server or a store, `ended` when it was asked to, `refused` when it gave up. */
  state: z.enum(['receiving', 'waiting', 'ended', 'refused']),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
  timeline: z.number().int().positive(),
  /** How the server came to its timeline, which nobody has to decrypt here: the timelines, each with where it begins and where it was left. */
  path: z
    .array(z.strictObject({ timeline: z.number().int().positive(), begin: z.string(), end: z.string().optional() }))
    .optional(),
  receivedLsn: z.string(),
  durableLsn: z.string(),
  /** Whatever was committed before this time is durable. */
  restorablePoint: timeSchema.nullable(),
  /** What the server has written and the store has not, and for how long the oldest of it has been there. */
  lagBytes: z.number().nonnegative(),
  lagSeconds: z.number().nonnegative(),
  slot: z.strictObject({
    name: z.string(),
    /** What the server keeps for the slot, how much more it would, and its limit; null when there is none. */
    retainedBytes: z.number().nonnegative(),
    safeBytes: z.number().nullable(),
    limitBytes: z.number().nonnegative().nullable(),
  }),
  /** The last time that the log could not be gone on with where the store's ends: what lies between is nowhere. */
  gap: z.strictObject({ at: timeSchema, timeline: z.number().int(), from: z.string(), to: z.string() }).nullable(),
});
export type WalState = z.infer<typeof walStateSchema>;

/** `health/wal/<target>.conflict.json`: that `wal push` refused a file of WAL, and where that was. A server calls for it again and again. */
export const walConflictSchema = z.strictObject({
  formatVersion: z.literal(1),
  at: timeSchema,
  host: z.string(),
  systemIdentifier: z.string(),
  message: z.string(),
});
export type WalConflict = z.infer<typeof walConflictSchema>;

export const checkStatusSchema = z.enum(['ok', 'problem', 'unknown']);

/** `health/latest.json`: the half-hourly health check. */
export const healthReportSchema = z.strictObject({
  formatVersion: z.literal(1),
  at: timeSchema,
  /** `problem` as soon as one check is; `unknown` when none is and something could not be found out. */
  status: checkStatusSchema,
  checks: z.array(
    z.strictObject({
      check: z.enum(['backups', 'failed-runs', 'schedules', 'leases', 'targets', 'wal', 'key', 'catalog', 'alerts']),
      status: checkStatusSchema,
      message: z.string(),
    }),
  ),
  problems: z.array(problemSchema),
});
export type HealthReport = z.infer<typeof healthReportSchema>;
