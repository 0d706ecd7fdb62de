import type { TargetName } from '../ids.ts';
import type { LogObject, LogStart, StoredLog } from './log-facts.ts';
import type { RetentionPolicy } from './policy.ts';

/** Which rule decided upon a stretch of a log. */
export type LogRule = 'unknown' | 'unclaimed' | 'needed' | 'before-backups' | 'abandoned' | 'whole';

/** What becomes of some objects of one timeline, and why. */
export type LogDecision = {
  readonly log: StoredLog;
  readonly timeline: number;
  readonly verdict: 'keep' | 'delete';
  readonly rule: LogRule;
  /** One sentence, for people. */
  readonly reason: string;
  /** In the order of the log. */
  readonly objects: readonly LogObject[];
  /** Only what lies before this position goes; null when everything does, or nothing. */
  readonly before: string | null;
  /** Only what the store was given before this time goes: ISO text. */
  readonly writtenBefore: string;
};

export type LogRetentionInput = {
  readonly logs: readonly StoredLog[];
  /** Where the backups begin that are kept, of every target. */
  readonly starts: ReadonlyMap<TargetName, readonly LogStart[]>;
  /** Targets of which it is not known what their backups need, and why. */
  readonly unknown: ReadonlyMap<TargetName, string>;
  readonly policies: ReadonlyMap<TargetName, RetentionPolicy>;
  readonly otherwise: RetentionPolicy;
  readonly now: Date;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Who found a segment in pieces only has read them by then. */
const readingMs = hourMs;

/**
 * For every object of the logs whether it stays, and why. The same input gives the same answer.
 *
 * - What no kept backup can ever need goes: what lies wholly before the beginnings of all of them, in the log of their system. Positions
 *   only grow along a log, over timelines too, so that a recovery from any of them reads nothing that lies before.
 * - A timeline that is newer than those of all kept backups stays whole: a backup of it may be on its way, and begin earlier (a server that
 *   was set back).
 * - What the store was given later than the oldest of these backups stays as well. That is a second witness, should positions deceive.
 * - Pieces of a segment that is there as a whole go.
 * - The log of a system that has no backup goes when nothing was added for the longest time that the target keeps anything for but the
 *   compliance tier, and the target has a backup of another system. Of a target without such backups nothing goes, nor of one of whose
 *   backups something is not known.
 */
export function planLogRetention(input: LogRetentionInput): readonly LogDecision[] {
  return input.logs.flatMap((log) => {
    const timelines = Map.groupBy(log.objects, ({ timeline }) => timeline);
    const rule = ruleFor(log, input);
    return [...timelines].flatMap(([timeline, objects]) => decideTimeline(log, timeline, objects, rule, input.now));
  });
}

/** What holds of a whole log. */
type Rule = Pick<LogDecision, 'rule' | 'reason'> & {
  readonly cut?: { readonly position: string | null; readonly newestTimeline: number; readonly writtenBefore: string };
  readonly deleteReason?: string;
};

function ruleFor(log: StoredLog, { starts, unknown, policies, otherwise, now }: LogRetentionInput): Rule {
  const { target, systemIdentifier, objects } = log;
  const why = unknown.get(target);
  if (why !== undefined) return { rule: 'unknown', reason: why };
  const ofTarget = starts.get(target) ?? [];
  if (ofTarget.length === 0)
    return { rule: 'unclaimed', reason: `'${target}' has no base backup: what one would need is not known` };
  const own = ofTarget.filter((start) => start.systemIdentifier === systemIdentifier);
  const [oldest] = own.toSorted((a, b) => (a.position < b.position ? -1 : 1));
  if (oldest === undefined) {
    const days = longestDays(policies.get(target) ?? otherwise);
    const newest = objects.reduce((latest, { modifiedAt }) => Math.max(latest, modifiedAt), 0);
    const until = new Date(newest + days * dayMs);
    const since = `no backup of system ${systemIdentifier} is left, and its log ended on ${dayOf(new Date(newest))}`;
    return until < now
      ? {
          rule: 'abandoned',
          reason: since,
          cut: { position: null, newestTimeline: Number.POSITIVE_INFINITY, writtenBefore: until.toISOString() },
          deleteReason: `${since}: was kept for ${days} days`,
        }
      : { rule: 'unclaimed', reason: `${since}: kept until ${dayOf(until)}` };
  }
  return {
    rule: 'needed',
    reason: `'${oldest.backup}' is kept, and the log goes on from it`,
    cut: {
      position: oldest.position,
      newestTimeline: Math.max(...own.map(({ timeline }) => timeline)),
      writtenBefore: own.map(({ writtenAt }) => writtenAt).reduce((a, b) => (Date.parse(a) <= Date.parse(b) ? a : b)),
    },
    deleteReason: `lies before '${oldest.backup}', the oldest backup that the log is kept for`,
  };
}

function decideTimeline(
  log: StoredLog,
  timeline: number,
  objects: readonly LogObject[],
  { rule, reason, cut, deleteReason = '' }: Rule,
  now: Date,
): readonly LogDecision[] {
  const common = { log, timeline, before: null, writtenBefore: now.toISOString() };
  if (rule === 'unknown') return [{ ...common, verdict: 'keep', rule, reason, objects }];
  const isOld = (object: LogObject): boolean =>
    cut !== undefined &&
    timeline <= cut.newestTimeline &&
    (cut.position === null || object.position < cut.position) &&
    object.modifiedAt < Date.parse(cut.writtenBefore);
  const { going = [], staying = [] } = Object.groupBy(objects, (object) => (isOld(object) ? 'going' : 'staying'));
  const wholes = new Map(
    staying.filter(({ kind }) => kind === 'segment').map(({ position, modifiedAt }) => [position, modifiedAt]),
  );
  const isSecond = ({ kind, position }: LogObject): boolean =>
    kind === 'piece' && (wholes.get(position) ?? Number.POSITIVE_INFINITY) < now.getTime() - readingMs;
  const { second = [], rest = [] } = Object.groupBy(staying, (object) => (isSecond(object) ? 'second' : 'rest'));
  const decisions: readonly LogDecision[] = [
    {
      ...common,
      verdict: 'delete',
      rule: rule === 'abandoned' ? rule : 'before-backups',
      reason: deleteReason,
      objects: going,
      before: cut?.position ?? null,
      writtenBefore: cut?.writtenBefore ?? common.writtenBefore,
    },
    { ...common, verdict: 'delete', rule: 'whole', reason: 'pieces of segments that are there whole', objects: second },
    { ...common, verdict: 'keep', rule, reason, objects: rest },
  ];
  return decisions.filter(({ objects: some }) => some.length > 0);
}

/** A log without a backup fulfils no promise of the compliance tier. */
const longestDays = ({ days }: RetentionPolicy): number =>
  Math.max(...Object.entries(days).map(([tier, count]) => (tier === 'compliance' ? 0 : count)));

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
