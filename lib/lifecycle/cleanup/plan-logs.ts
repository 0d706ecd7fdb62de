import type { CleanupTask, PlannedLog } from '../../core/cleanup-plan.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import { walKey } from '../../core/object-keys.ts';
import { factsKey } from '../../core/retention/facts.ts';
import type { LogStart } from '../../core/retention/log-facts.ts';
import { type LogDecision, planLogRetention } from '../../core/retention/plan-log-retention.ts';
import type { Decision } from '../../core/retention/plan-retention.ts';
import type { RetentionPolicy } from '../../core/retention/policy.ts';
import type { Store } from '../../store/store.ts';
import type { PublishedFacts } from './backup-facts.ts';
import { storedLogs } from './stored-logs.ts';

/** A task takes at most some minutes: a thousand objects go in about a second. */
const mostObjects = 50_000;
/** Each of them is listed and removed by itself. */
const mostSegments = 500;

/** What is to become of the logs in the store, given what is decided of the backups, and the tasks that follow. */
export async function planLogs(
  store: Store,
  {
    target,
    decisions,
    published,
    begun,
    ...rules
  }: {
    readonly target: TargetName | null;
    readonly decisions: readonly Decision[];
    readonly published: Pick<PublishedFacts, 'logStarts' | 'unreadable'>;
    /** What an earlier cleanup began to remove, and this one goes on with. */
    readonly begun: readonly { readonly target: TargetName; readonly id: BackupId }[];
    readonly policies: ReadonlyMap<TargetName, RetentionPolicy>;
    readonly otherwise: RetentionPolicy;
    readonly now: Date;
  },
): Promise<{ readonly logs: PlannedLog[]; readonly tasks: readonly CleanupTask[] }> {
  const starts = new Map<TargetName, LogStart[]>();
  const going = new Map<TargetName, BackupId[]>();
  const unknown = new Map(published.unreadable);
  const add = <Value>(to: Map<TargetName, Value[]>, of: TargetName, value: Value): void => {
    to.set(of, [...(to.get(of) ?? []), value]);
  };
  for (const { backup, verdict } of decisions) {
    const start = published.logStarts.get(factsKey(backup));
    if (start === undefined) continue;
    if (verdict === 'delete') add(going, backup.target, backup.id);
    else if (start !== 'unknown') add(starts, backup.target, start);
    else unknown.set(backup.target, `the manifest of '${backup.id}' does not say from where on it needs the log`);
  }
  for (const { target: of, id } of begun) add(going, of, id);
  const planned = planLogRetention({ ...rules, logs: await storedLogs(store, target), starts, unknown });
  return {
    logs: planned.map(described),
    tasks: planned.filter(({ verdict }) => verdict === 'delete').flatMap((one) => tasksOf(one, going)),
  };
}

function described({ log, timeline, verdict, rule, reason, objects }: LogDecision): PlannedLog {
  return {
    ...{ target: log.target, systemIdentifier: log.systemIdentifier, timeline, verdict, rule, reason },
    first: objects[0]?.name ?? '',
    last: objects.at(-1)?.name ?? '',
    objects: objects.length,
    storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function tasksOf(decision: LogDecision, going: ReadonlyMap<TargetName, readonly BackupId[]>): CleanupTask[] {
  const { log, objects, reason, before, writtenBefore } = decision;
  const { target, systemIdentifier } = log;
  const keyOf = (name: string): string => walKey(target, systemIdentifier, name);
  const folder = keyOf(objects[0]?.name ?? '').slice(0, -(objects[0]?.name.length ?? 0));
  if (decision.rule === 'whole')
    return inParts([...new Set(objects.map(({ name }) => name.slice(0, 24)))], mostSegments).map((segments) => ({
      ...{ task: 'erase-pieces', folder, segments, reason },
    }));
  const names = objects.map(({ name }) => name);
  const timeline = folder.slice(-9, -1);
  // The oldest first, so that whatever a crash leaves is one stretch. A part goes up to where the next one begins.
  return inParts(names, mostObjects).map((_, index, parts) => {
    const next = parts[index + 1]?.[0] ?? (before === null ? undefined : `${timeline}${before}`);
    return {
      ...{ task: 'erase-log', target, systemIdentifier, prefix: folder },
      ...(next === undefined ? {} : { before: keyOf(next) }),
      ...{ modifiedBefore: writtenBefore, needlessBefore: before, after: [...(going.get(target) ?? [])], reason },
    };
  });
}

function inParts<Value>(values: readonly Value[], most: number): Value[][] {
  const parts: Value[][] = [];
  for (let at = 0; at < values.length; at += most) parts.push(values.slice(at, at + most));
  return parts;
}
