import type { HoldfastConfig } from '../../config/config.ts';
import { mostAttempts } from '../../core/attempts.ts';
import type { CleanupTask } from '../../core/cleanup-plan.ts';
import { type BackupId, type TargetName, timeOfId } from '../../core/ids.ts';
import { backupPrefix, prefixes } from '../../core/object-keys.ts';
import { isExpiring, type JournalSummary } from './journal-summary.ts';
import type { Contents } from './store-contents.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** At least so old is what is called abandoned, however short a run may be: long enough for somebody to look at what went wrong. */
const leastAbandonedMs = 3 * dayMs;

/**
 * Small objects that serve a run and nobody after it, by how long they are left lying: 90 days, because that long an execution's name stays
 * taken and finds its request again. Journal entries stay for ever: the catalog is made from them.
 */
const shortLived = [
  { prefix: prefixes.requests, days: 90, what: 'requests of runs that have long ended' },
  { prefix: prefixes.outcomes, days: 90, what: 'outcomes of attempts that have long ended' },
  { prefix: prefixes.cleanups, days: 90, what: 'plans of earlier cleanups' },
  { prefix: prefixes.inUse, days: 7, what: 'marks of readers that have long ended' },
  { prefix: prefixes.checks, days: 1, what: 'what the doctor wrote to see whether it can' },
] as const;

/** Tasks for what is nobody's any more. With a target only data of its failed runs; what serves all targets waits for the next whole cleanup. */
export function leftoverTasks({
  config,
  contents,
  journal,
  named,
  target,
  now,
}: {
  readonly config: HoldfastConfig;
  readonly contents: readonly Contents[];
  readonly journal: ReadonlyMap<BackupId, JournalSummary>;
  /** Which attempts' data the manifests name. */
  readonly named: ReadonlyMap<string, ReadonlySet<string>>;
  readonly target: TargetName | null;
  readonly now: Date;
}): readonly CleanupTask[] {
  const before = now.getTime() - abandonedAfterMs(config);
  const abandoned = contents.flatMap(({ target: of, id, manifestWrittenAt, attempts }): CleanupTask[] => {
    const summary = journal.get(id);
    const known = named.get(`${of}/${id}`);
    // Its removal goes on by itself; and of a manifest that could not be read nobody knows what it names.
    if ((summary && isExpiring(summary)) || (manifestWrittenAt !== undefined && known === undefined)) return [];
    return [...attempts].flatMap(([attempt, newest]) =>
      known?.has(attempt) || Math.max(newest.getTime(), timeOfId(id).getTime()) > before
        ? []
        : [
            {
              task: 'erase' as const,
              prefix: `${backupPrefix(of, id)}${attempt}/`,
              reason: `attempt '${attempt}' at '${id}' published nothing, and ended before ${new Date(before).toISOString()}`,
            },
          ],
    );
  });
  if (target !== null) return abandoned;
  return [
    ...abandoned,
    { task: 'abandon-uploads', before: new Date(before).toISOString() },
    ...shortLived.map(({ prefix, days, what }) => ({
      task: 'erase' as const,
      prefix,
      modifiedBefore: new Date(now.getTime() - days * dayMs).toISOString(),
      reason: what,
    })),
  ];
}

/** Twice as long as all attempts of a run may take together: whoever is that old has been stopped by its own deadline. */
function abandonedAfterMs({ run: { timeoutSeconds } }: HoldfastConfig): number {
  return Math.max(leastAbandonedMs, 2 * mostAttempts * (timeoutSeconds * 1000 + hourMs));
}
