import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { requesterSchema } from './manifest.ts';

/** What passes between the steps of a cleanup. The plan itself, which may be long, is an object in the store. */

const countSchema = z.number().int().nonnegative();

/** What a person types into the console: `{}` is enough. */
export const cleanupRequestSchema = z.strictObject({
  /** Only this target's backups. @default - all, and what is left over of runs that failed */
  target: targetNameSchema.optional(),
  /** Only say what would be removed. */
  dryRun: z.boolean().optional(),
  requestedBy: requesterSchema.optional(),
});
export type CleanupRequest = z.infer<typeof cleanupRequestSchema>;

/** An admitted cleanup. `cleanupId` is an operation id of its own. */
export const cleanupRunSchema = z.strictObject({
  cleanupId: backupIdSchema,
  target: targetNameSchema.nullable(),
  dryRun: z.boolean(),
  requestedBy: requesterSchema,
  execution: z.string(),
  requestedAt: z.iso.datetime(),
});
export type CleanupRun = z.infer<typeof cleanupRunSchema>;

/** What a cleanup has done so far. */
export const cleanupTotalsSchema = z.strictObject({
  /** Backups removed, and those that were to be and stay for now: in use, held or locked since they were looked at. */
  deleted: countSchema,
  postponed: countSchema,
  /** Objects removed, of backups and of what was left over, and what that freed. */
  removedObjects: countSchema,
  freedBytes: countSchema,
  /** Objects that a lock or a legal hold of the store keeps for now: no failure. */
  retainedObjects: countSchema,
  retainedBytes: countSchema,
});
export type CleanupTotals = z.infer<typeof cleanupTotalsSchema>;

export const noTotals: CleanupTotals = {
  deleted: 0,
  postponed: 0,
  removedObjects: 0,
  freedBytes: 0,
  retainedObjects: 0,
  retainedBytes: 0,
};

/** The sum of both, figure by figure. */
export function addTotals(totals: CleanupTotals, more: Partial<CleanupTotals>): CleanupTotals {
  const names = Object.keys(totals) as (keyof CleanupTotals)[];
  return Object.fromEntries(names.map((name) => [name, totals[name] + (more[name] ?? 0)])) as CleanupTotals;
}

/** How far a cleanup has come: how many of the plan's tasks are done. */
export const cleanupProgressSchema = z.strictObject({
  next: countSchema,
  isDone: z.boolean(),
  totals: cleanupTotalsSchema,
});
export type CleanupProgress = z.infer<typeof cleanupProgressSchema>;
