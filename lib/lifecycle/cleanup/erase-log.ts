import { addTotals, type CleanupTotals, noTotals } from '../../core/cleanup.ts';
import type { CleanupTask } from '../../core/cleanup-plan.ts';
import { asHoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { backupPrefix } from '../../core/object-keys.ts';
import type { LogStart } from '../../core/retention/log-facts.ts';
import { listBackups, readManifest } from '../../store/backups.ts';
import { eraseAll } from '../../store/erase-all.ts';
import type { Store } from '../../store/store.ts';
import { totalsOf } from './erased-totals.ts';
import { logStartOf } from './log-start.ts';

type EraseLog = Extract<CleanupTask, { readonly task: 'erase-log' }>;
type ErasePieces = Extract<CleanupTask, { readonly task: 'erase-pieces' }>;
type Sweep = {
  readonly store: Store;
  /** The backups that the plan decided upon. */
  readonly planned: ReadonlySet<BackupId>;
  readonly log: { info(message: string): void };
};

/**
 * Removes a stretch of a log.
 *
 * Invariant: the log that a backup needs is there as long as anything of the backup is. The backups go first, and what is left of one that was
 * held, is read or is locked leaves its log where it is, for the next cleanup. So does a backup that came after the plan, and begins here.
 * Objects go in the order of the log: a crash leaves the later part of it, and the next cleanup goes on there.
 */
export async function eraseLog(sweep: Sweep, task: EraseLog): Promise<Partial<CleanupTotals>> {
  const why = await whyNeeded(sweep, task);
  if (why !== undefined) {
    sweep.log.info(`the log '${task.prefix}' stays for now: ${why}`);
    return { postponed: 1 };
  }
  const { prefix, before, modifiedBefore } = task;
  const options = { modifiedBefore: new Date(modifiedBefore), ...(before === undefined ? {} : { before }) };
  return totalsOf(await eraseAll(sweep.store, prefix, options));
}

/** Removes the pieces of segments that are, still, there as a whole. */
export async function erasePieces(store: Store, { folder, segments }: ErasePieces): Promise<Partial<CleanupTotals>> {
  let totals = noTotals;
  for (const segment of segments) {
    if (await isThere(store, `${folder}${segment}`))
      totals = addTotals(totals, totalsOf(await eraseAll(store, `${folder}${segment}.partial-`)));
  }
  return totals;
}

async function whyNeeded(
  { store, planned }: Sweep,
  { target, systemIdentifier, needlessBefore, after }: EraseLog,
): Promise<string | undefined> {
  for (const id of after) {
    for await (const { key } of store.list(backupPrefix(target, id))) return `'${key}' is still there`;
  }
  for await (const { id } of listBackups(store, target)) {
    const start = planned.has(id) ? null : await startOf(store, target, id);
    if (start === null || (start !== 'unknown' && start.systemIdentifier !== systemIdentifier)) continue;
    if (start === 'unknown' || needlessBefore === null || start.position < needlessBefore)
      return `'${id}' has come since it was planned, and may need it`;
  }
  return undefined;
}

/** Of a backup that has come since the plan was made. When it was written does not matter any more. */
async function startOf(store: Store, target: TargetName, id: BackupId): Promise<LogStart | 'unknown' | null> {
  try {
    return logStartOf(await readManifest(store, target, id), new Date(0));
  } catch (error) {
    const { code, retryable } = asHoldfastError(error);
    if (retryable || code === 'internal') throw error;
    return code === 'backup-unknown' ? null : 'unknown';
  }
}

/** A listing tells that without the right to read. */
async function isThere(store: Store, key: string): Promise<boolean> {
  for await (const found of store.list(key)) return found.key === key;
  return false;
}
