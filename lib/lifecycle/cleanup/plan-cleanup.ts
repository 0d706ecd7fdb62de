import pLimit from 'p-limit';
import type { HoldfastConfig } from '../../config/config.ts';
import type { CleanupPlan, CleanupTask } from '../../core/cleanup-plan.ts';
import { asHoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { manifestKey } from '../../core/object-keys.ts';
import { type BackupFacts, factsKey } from '../../core/retention/facts.ts';
import { type Decision, inDeletionOrder, planRetention } from '../../core/retention/plan-retention.ts';
import { readEvent } from '../../store/journal.ts';
import type { Store } from '../../store/store.ts';
import { publishedFacts } from './backup-facts.ts';
import { isExpiring, isHeld, type JournalSummary, summarizeJournal } from './journal-summary.ts';
import { leftoverTasks } from './leftovers.ts';
import { planLogs } from './plan-logs.ts';
import { policiesOf } from './policies.ts';
import { type Contents, storeContents } from './store-contents.ts';

/** Questions about locks, asked side by side. */
const questionsAtATime = 16;

type Finish = Extract<CleanupTask, { readonly task: 'finish' }>;
type Journal = ReadonlyMap<BackupId, JournalSummary>;

/**
 * What a cleanup would do now, from the store alone: a decision with a reason for every backup and log, and the tasks that follow. Reads, and changes
 * nothing.
 */
export async function planCleanup(
  { config, store, clock }: { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date },
  { cleanupId, target }: { readonly cleanupId: BackupId; readonly target: TargetName | null },
): Promise<CleanupPlan> {
  const now = clock();
  const contents = await storeContents(store, target);
  const journal = await summarizeJournal(store);
  const published = await publishedFacts(store, contents, journal);
  const { decisions, holds } = await decide(config, store, journal, published, now);
  const removals = inDeletionOrder(decisions);
  const begun = await begunBefore(store, contents, journal, target);
  const logs = await planLogs(store, { target, decisions, published, begun, ...policiesOf(config), now });
  return {
    formatVersion: 1,
    cleanupId,
    plannedAt: now.toISOString(),
    decisions: decisions.map(({ backup: { target: of, id, tier, storedBytes }, verdict, rule, reason }) => ({
      ...{ target: of, id, tier, verdict, rule, reason, storedBytes },
    })),
    logs: logs.logs,
    tasks: [
      ...holds,
      ...reprieves(decisions, journal),
      ...removals.map(({ backup: { target: of, id, tenant }, reason }) => ({
        task: 'remove' as const,
        target: of,
        id,
        tenant,
        reason,
      })),
      ...begun,
      // After the backups: what is left of one keeps its log.
      ...logs.tasks,
      ...leftoverTasks({ config, contents, journal, named: published.attempts, target, now }),
    ],
    notes: [...published.unreadable.values()],
  };
}

/**
 * Decides twice: what would go is asked for its locks, and those that the store keeps anyhow are decided upon as kept, with what they need.
 * A lock can only keep more, so that whatever goes the second time was asked the first.
 */
async function decide(
  config: HoldfastConfig,
  store: Store,
  journal: Journal,
  { facts, unreadable }: Awaited<ReturnType<typeof publishedFacts>>,
  now: Date,
): Promise<{ readonly decisions: readonly Decision[]; readonly holds: readonly CleanupTask[] }> {
  const rules = { ...policiesOf(config), unreadable, now };
  const first = planRetention({ ...rules, backups: facts });
  const asked = first.filter(({ backup, verdict }) => verdict === 'delete' || backup.hold !== null);
  const limit = pLimit(questionsAtATime);
  const holds: CleanupTask[] = [];
  const known = await Promise.all(
    asked.map(({ backup }) =>
      limit(async () => {
        const summary = journal.get(backup.id);
        const lock = await lockOf(store, backup);
        const shouldBeHeld = backup.hold !== null;
        // A hold that nobody told Holdfast of is somebody's, and left alone.
        if (
          lock.isHeld !== shouldBeHeld &&
          summary?.hold !== undefined &&
          isHeld(summary) === shouldBeHeld &&
          store.kind === 's3'
        )
          holds.push({ task: 'hold', target: backup.target, id: backup.id, isHeld: shouldBeHeld });
        return { ...backup, lockedUntil: lock.lockedUntil, hold: backup.hold ?? lock.hold };
      }),
    ),
  );
  const locked = new Map(known.map((backup) => [factsKey(backup), backup]));
  const decisions = planRetention({ ...rules, backups: facts.map((backup) => locked.get(factsKey(backup)) ?? backup) });
  return { decisions, holds };
}

/** What the store itself says. Who may not ask that (somebody's dry run) is told what the rules say; removing is refused in any case. */
async function lockOf(store: Store, { target, id, writtenAt }: BackupFacts) {
  try {
    const { isHeld: held, lockedUntil } = await store.protection(manifestKey(target, id));
    const hold = held ? { since: writtenAt, by: 'the store', reason: 'its objects have a legal hold' } : null;
    return { isHeld: held, hold, lockedUntil: lockedUntil?.toISOString() ?? null };
  } catch (error) {
    if (asHoldfastError(error).code !== 'store-denied') throw error;
    return { isHeld: false, hold: null, lockedUntil: null };
  }
}

/** Those of which an earlier cleanup has said that they go, and this one says that they stay. */
const reprieves = (decisions: readonly Decision[], journal: Journal): CleanupTask[] =>
  decisions.flatMap(({ backup: { target, id, tenant }, verdict, reason }) => {
    const summary = journal.get(id);
    return verdict === 'keep' && summary !== undefined && isExpiring(summary)
      ? [{ task: 'keep', target, id, tenant, reason }]
      : [];
  });

/** Those whose manifest an earlier cleanup has removed, and that it did not come to the end of. */
async function begunBefore(
  store: Store,
  contents: readonly Contents[],
  journal: Journal,
  target: TargetName | null,
): Promise<readonly Finish[]> {
  const present = new Map(contents.map((found) => [found.id, found]));
  const tasks: Finish[] = [];
  for (const [id, summary] of journal) {
    if (!isExpiring(summary) || summary.expiry === undefined || present.get(id)?.manifestWrittenAt !== undefined)
      continue;
    const expired = await readEvent(store, summary.expiry);
    if (expired.event !== 'backup-expired' || (target !== null && expired.target !== target)) continue;
    tasks.push({ task: 'finish', target: expired.target, id, tenant: expired.tenant });
  }
  return tasks;
}
