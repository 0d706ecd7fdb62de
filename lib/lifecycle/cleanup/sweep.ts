import type { CatalogClient } from '../../catalog/client.ts';
import { addTotals, type CleanupProgress, type CleanupRun, type CleanupTotals } from '../../core/cleanup.ts';
import type { CleanupTask } from '../../core/cleanup-plan.ts';
import { asHoldfastError } from '../../core/errors.ts';
import type { BackupId } from '../../core/ids.ts';
import { type JournalEvent, journalKey } from '../../core/journal.ts';
import { manifestKey, parseBackupKey } from '../../core/object-keys.ts';
import { eraseAll } from '../../store/erase-all.ts';
import type { Store } from '../../store/store.ts';
import { putJson, readText } from '../../store/text.ts';
import { holdCleanupLease } from './cleanup-lease.ts';
import { eraseLog, erasePieces } from './erase-log.ts';
import { totalsOf } from './erased-totals.ts';
import { holdObjects } from './hold-objects.ts';
import { readPlan } from './plan-document.ts';
import { finishRemoval, type Removal, removeBackup } from './remove-backup.ts';

type Dependencies = {
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
  readonly log: { info(message: string): void; warn(message: string): void };
  /** After this long no further task is begun. A function has fifteen minutes, and the longest task a few. @default 480 */
  readonly budgetSeconds?: number;
};

/** The catalog is told of a whole step's events at once, and waited for no longer than this. It catches up by itself. */
const catalogSeconds = 30;

/**
 * Does what the plan says from `progress.next` on, until all is done or the time is over, and tells how far it came. Done again from the same
 * place after a crash, it finds what is done done. One cleanup at a time: another one's lease refuses it (`lease-held`).
 */
export async function sweep(
  dependencies: Dependencies,
  { run, progress }: { readonly run: CleanupRun; readonly progress: CleanupProgress },
): Promise<CleanupProgress> {
  const { store, catalog, clock, log, budgetSeconds = 480 } = dependencies;
  await holdCleanupLease(store, run, clock);
  const plan = await readPlan(store, run.cleanupId);
  const planned = new Set(plan.decisions.map(({ id }) => id));
  const events: JournalEvent[] = [];
  const removal: Removal = {
    store,
    clock,
    cleanupId: run.cleanupId,
    plannedAt: new Date(plan.plannedAt),
    note: async (event) => {
      await putJson(store, journalKey(event), event, { condition: 'absent' });
      events.push(event);
    },
    log,
  };
  const until = performance.now() + budgetSeconds * 1000;
  let { next, totals } = progress;
  // However short the time, a step does one task: it must come to an end some day.
  const mayGoOn = (): boolean => next === progress.next || performance.now() < until;
  try {
    for (; next < plan.tasks.length && mayGoOn(); next += 1)
      totals = addTotals(totals, await perform(removal, planned, plan.tasks[next] as CleanupTask));
  } finally {
    await tell(catalog, events, log);
  }
  return { next, isDone: next >= plan.tasks.length, totals };
}

async function perform(
  removal: Removal,
  planned: ReadonlySet<BackupId>,
  task: CleanupTask,
): Promise<Partial<CleanupTotals>> {
  const { store, clock, cleanupId, note, log } = removal;
  switch (task.task) {
    case 'remove':
      return removeBackup(removal, task);
    case 'finish':
      return finishRemoval(removal, task);
    case 'keep':
      await note({
        event: 'backup-kept',
        operation: task.id,
        at: clock().toISOString(),
        tenant: task.tenant,
        cleanup: cleanupId,
        reason: task.reason,
      });
      return {};
    case 'hold':
      await holdObjects(store, task);
      return {};
    case 'erase': {
      if (await isNamedMeanwhile(store, task.prefix)) return { postponed: 1 };
      const options = task.modifiedBefore === undefined ? {} : { modifiedBefore: new Date(task.modifiedBefore) };
      return totalsOf(await eraseAll(store, task.prefix, options));
    }
    case 'erase-log':
      return eraseLog({ store, planned, log }, task);
    case 'erase-pieces':
      return erasePieces(store, task);
    case 'abandon-uploads': {
      const abandoned = await store.abandonUploads(new Date(task.before));
      if (abandoned > 0) log.info(`${abandoned} unfinished uploads were given up`);
      return {};
    }
  }
}

/** A run that was believed to be dead has published after all: then its manifest says what is needed, and the next plan knows. */
async function isNamedMeanwhile(store: Store, prefix: string): Promise<boolean> {
  const named = parseBackupKey(`${prefix}object`);
  if (named === undefined) return false;
  const manifest = await readText(store, manifestKey(named.target, named.id));
  return manifest?.includes(prefix) === true;
}

async function tell(
  catalog: CatalogClient | undefined,
  events: readonly JournalEvent[],
  log: { warn(message: string): void },
): Promise<void> {
  if (catalog === undefined || events.length === 0) return;
  try {
    await catalog.apply(events, { signal: AbortSignal.timeout(catalogSeconds * 1000) });
  } catch (error) {
    log.warn(`the catalog did not take ${events.length} events and gets them later: ${asHoldfastError(error).message}`);
  }
}
