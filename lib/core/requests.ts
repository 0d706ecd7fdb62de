import * as z from 'zod';
import type { Failure } from './failure.ts';
import { type BackupId, backupIdSchema, targetNameSchema, tenantNameSchema } from './ids.ts';
import { requesterSchema } from './manifest.ts';
import { recoveryPointSchema } from './recovery-point.ts';
import {
  comparisonDepthSchema,
  engineSchema,
  formatSchema,
  methodSchema,
  onConflictSchema,
  tierSchema,
} from './vocabulary.ts';

/** What passes between people, schedules, state machines, Lambdas and tasks. Ids and settings only: never a secret. */

/** What a person types into the console, or a schedule sends: `{"target":"orders"}` is enough. */
export const backupRequestSchema = z.strictObject({
  target: targetNameSchema,
  method: methodSchema.optional(),
  /** In which form databases are written; that of the target's entry of the same method and tier when left out. */
  format: formatSchema.optional(),
  tier: tierSchema.optional(),
  /** The slot that a schedule fires for; two requests of one slot are one backup. */
  scheduledTime: z.iso.datetime({ offset: true }).optional(),
  requestedBy: requesterSchema.optional(),
  /** Fixed by whoever asked, who has a record under it already: the catalog's queue. Otherwise admission makes one. */
  backupId: backupIdSchema.optional(),
  requestedAt: z.iso.datetime().optional(),
  /** A restore test is wanted when the backup is complete. */
  verify: z.boolean().optional(),
  /**
   * Not of the source, but of a backup that builds on others, and of those: its id, or `latest` for the newest such. The method is that of
   * the backups that the chain begins with.
   */
  from: z.union([backupIdSchema, z.literal('latest')]).optional(),
});
export type BackupRequest = z.infer<typeof backupRequestSchema>;

/** An admitted backup: everything that the task needs beside the configuration. */
export const backupRunSchema = z.strictObject({
  backupId: backupIdSchema,
  target: targetNameSchema,
  engine: engineSchema,
  method: methodSchema,
  /** Left out in runs that were admitted before there was a choice. */
  format: formatSchema.default('custom'),
  tier: tierSchema,
  scheduledTime: z.iso.datetime().nullable(),
  requestedBy: requesterSchema,
  execution: z.string(),
  /** The lease's token; 0 when the run was refused because another holds the lease. */
  fencingToken: z.number().int().nonnegative(),
  requestedAt: z.iso.datetime(),
  tenant: tenantNameSchema.nullable().default(null),
  /** What it is made of instead of the source. */
  from: z
    .union([backupIdSchema, z.literal('latest')])
    .nullable()
    .default(null),
});
export type BackupRun = z.infer<typeof backupRunSchema>;

/** Who has the task that makes backups of earlier ones, among those that have one of their own: no target is called so. */
export const synthesisTask = '+synthesis';

/** Whose task a run takes: its target's, or that of whatever is made of earlier backups. */
export const taskOwnerOf = ({ target, from }: Pick<BackupRun, 'target' | 'from'>): string =>
  from === null ? target : synthesisTask;

const jobsSchema = z.number().int().min(1).max(64);

const timelineSchema = z.number().int().min(1).max(0x7fffffff);
/** A folder that the source has outside of its own, by its path or number, and where it goes. */
const folderSchema = z.strictObject({ from: z.string().min(1), to: z.string().min(1) });

export const restoreRequestSchema = z.strictObject({
  /** A backup id, or `latest` together with `target`. */
  backup: z.union([backupIdSchema, z.literal('latest')]),
  target: targetNameSchema.optional(),
  /** Which of the backup's databases; all of them when left out. */
  databases: z.array(z.string()).optional(),
  /** A configured target whose server receives the copy; the backup's own target when left out. */
  into: targetNameSchema.optional(),
  /** Only these schemas of one database. */
  schemas: z.array(z.string()).optional(),
  /** Only these tables of one database, as `schema.table`. */
  tables: z.array(z.string()).optional(),
  /** With schemas or tables: whether what they need and the destination lacks comes along. */
  withDependencies: z.boolean().optional(),
  /** Only these files and folders of a tree, by their paths in it. */
  paths: z.array(z.string().min(1)).optional(),
  /** What becomes of an item (a key, a file) that the destination has already. */
  onConflict: onConflictSchema.optional(),
  /** How many sessions restore side by side; that of the configuration when left out. */
  jobs: jobsSchema.optional(),
  /** How the copy is held against the backup before it is put in place; as the configuration has it when left out. */
  comparison: comparisonDepthSchema.optional(),
  /** Where the copy goes instead: a database's name (with schemas or tables it may exist), or whatever the engine takes for a place. */
  as: z.string().optional(),
  /** Restore over the existing database; the old one is kept aside until the new one has been compared. */
  replace: z.boolean().optional(),
  requestedBy: requesterSchema.optional(),
  /** Fixed by whoever asked, who has a record under it already: the catalog's queue. Otherwise admission makes one. */
  recoveryId: backupIdSchema.optional(),
  requestedAt: z.iso.datetime().optional(),
  /** The point in time that was asked for, of which the backup is the newest before. For the record. */
  targetTime: z.iso.datetime().optional(),
  /** How far the log is applied that goes on from the backup; with `latest`, the backup is the newest from which the point can be reached. */
  point: recoveryPointSchema.optional(),
  timeline: timelineSchema.optional(),
  folders: z.array(folderSchema).max(1000).optional(),
  start: z.boolean().optional(),
  /** Of a whole server that goes into a folder: whether it gets an identity of its own, which standbys of its source cannot follow. */
  newIdentity: z.boolean().optional(),
  /** A second person has to approve it before it begins. A target may demand that without being asked. */
  needsApproval: z.boolean().optional(),
});
export type RestoreRequest = z.infer<typeof restoreRequestSchema>;

/** An admitted restore. `recoveryId` is an operation id of its own. */
export const restoreRunSchema = z.strictObject({
  recoveryId: backupIdSchema,
  backupId: backupIdSchema,
  target: targetNameSchema,
  into: targetNameSchema,
  databases: z.array(z.string()).nullable(),
  // Left out in runs that were admitted before these could be asked for.
  schemas: z.array(z.string()).nullable().default(null),
  tables: z.array(z.string()).nullable().default(null),
  withDependencies: z.boolean().default(false),
  paths: z.array(z.string()).nullable().default(null),
  onConflict: onConflictSchema.nullable().default(null),
  jobs: jobsSchema.nullable().default(null),
  comparison: comparisonDepthSchema.nullable().default(null),
  point: recoveryPointSchema.nullable().default(null),
  timeline: timelineSchema.nullable().default(null),
  folders: z.array(folderSchema).default([]),
  start: z.boolean().default(true),
  newIdentity: z.boolean().default(false),
  /** Does it wait for a second person? Runs that nobody can ask for lack it. */
  needsApproval: z.boolean().optional(),
  /** When it could begin, of one that was planned first and may have waited for somebody. */
  beganAt: z.iso.datetime().optional(),
  as: z.string().nullable(),
  replace: z.boolean(),
  requestedBy: requesterSchema,
  execution: z.string(),
  requestedAt: z.iso.datetime(),
  tenant: tenantNameSchema.nullable().default(null),
});
export type RestoreRun = z.infer<typeof restoreRunSchema>;

export const restoreTestRequestSchema = z.strictObject({
  /** Which backup; chosen when left out, from those of `target` or of all. */
  backup: z.union([backupIdSchema, z.literal('latest')]).optional(),
  target: targetNameSchema.optional(),
  requestedBy: requesterSchema.optional(),
});
export type RestoreTestRequest = z.infer<typeof restoreTestRequestSchema>;

/** An admitted restore test. `validationId` is an operation id of its own. */
export const restoreTestRunSchema = z.strictObject({
  validationId: backupIdSchema,
  backupId: backupIdSchema,
  target: targetNameSchema,
  reason: z.string(),
  requestedBy: requesterSchema,
  execution: z.string(),
  requestedAt: z.iso.datetime(),
});
export type RestoreTestRun = z.infer<typeof restoreTestRunSchema>;

/** What admission answers to a state machine: go on, already asked for, nothing to do, or refused for a reason that the run's record is to bear. */
export type Admission<Run> =
  | { readonly verdict: 'admitted'; readonly run: Run; readonly attempts: 0; readonly redriveCount: number }
  | { readonly verdict: 'duplicate'; readonly duplicateOf: BackupId; readonly reason: string }
  | { readonly verdict: 'nothing'; readonly reason: string }
  | { readonly verdict: 'refused'; readonly run: Run; readonly failure: Failure; readonly redriveCount: number };

/** A run of any kind: a restore's bears a `recoveryId`, a restore test's a `validationId`. */
export const anyRunSchema = z.union([restoreRunSchema, restoreTestRunSchema, backupRunSchema]);
export type AnyRun = z.infer<typeof anyRunSchema>;

/** The operation that a run is recorded under: the backup's id, the recovery's, or the validation's. */
export function operationOf(run: AnyRun): BackupId {
  if ('recoveryId' in run) return run.recoveryId;
  return 'validationId' in run ? run.validationId : run.backupId;
}
