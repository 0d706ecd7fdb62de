import { HoldfastError } from '../../../core/errors.ts';
import type { LogReader, LogSegment } from '../../engine.ts';
import { formatLsn, type Lsn, parseLsn } from '../replication/lsn.ts';
import { parseTimelineHistory, type TimelineFork } from '../replication/timeline-history.ts';
import { historyName, segmentName, segmentStart } from '../replication/wal-segments.ts';
import type { ClusterFacts } from './cluster-facts.ts';

/** The WAL that leads from a base backup along one timeline, as far as the log has it without a gap. */
export type LogPath = {
  readonly timeline: number;
  /** The segments in the order in which a recovery reads them. */
  readonly names: readonly string[];
  /** Where it ends: nothing before is missing. */
  readonly reachable: { readonly timeline: number; readonly lsn: Lsn };
  /** The segment that would go on from there. */
  readonly firstMissing: string;
  /** What is missing for more of the log that is there: then something is lost, and not only not yet there. */
  readonly lost: string | undefined;
  /** The timelines that it leaves, with what was said of why. */
  readonly forks: readonly TimelineFork[];
};

type Base = Pick<ClusterFacts, 'timeline' | 'startLsn' | 'endLsn' | 'segmentBytes' | 'fromStandby'>;

/** How far the segments of one timeline go from a position on without a gap, and which one would be next. */
function reachableOn(
  timeline: number,
  from: Lsn,
  { segments, segmentBytes }: { readonly segments: readonly LogSegment[]; readonly segmentBytes: number },
): { readonly lsn: Lsn; readonly names: readonly string[]; readonly firstMissing: string } {
  const known = new Map(segments.map((segment) => [segment.name, parseLsn(segment.to)]));
  const names: string[] = [];
  let lsn = from;
  for (let start = segmentStart(from, segmentBytes); ; start += BigInt(segmentBytes)) {
    const name = segmentName(timeline, start, segmentBytes);
    const to = known.get(name);
    if (to === undefined) return { lsn, names, firstMissing: name };
    names.push(name);
    if (to > lsn) lsn = to;
    if (to < start + BigInt(segmentBytes)) return { lsn, names, firstMissing: name };
  }
}

/**
 * Finds the way from a base backup along the timeline that is asked for, or else the newest that comes from the backup's and whose beginning is
 * there. Throws `point-unreachable` where that timeline does not come from the backup, or where its beginning is not there.
 */
export async function findLogPath(log: LogReader, base: Base, wanted: number | undefined): Promise<LogPath> {
  const { timeline, forks, lost } =
    wanted === undefined ? await newestTimeline(log, base) : await namedTimeline(log, base, wanted);
  const { segmentBytes } = base;
  let from = await goesOnFrom(log, base);
  const names: string[] = [];
  const legs = [...forks, { timeline, end: undefined }];
  for (const [index, leg] of legs.entries()) {
    const segments = await segmentsBeyond(log, base, leg.timeline);
    const found = reachableOn(leg.timeline, from, { segments, segmentBytes });
    // Of the segment in which a timeline parts, the new one has a copy of its own.
    const until = leg.end === undefined ? undefined : segmentStart(leg.end, segmentBytes);
    const start = segmentStart(from, segmentBytes);
    names.push(
      ...found.names.filter((_, nth) => until === undefined || start + BigInt(nth) * BigInt(segmentBytes) < until),
    );
    if (until === undefined || found.lsn < until) {
      const isLater = ({ from: begin, name }: LogSegment): boolean =>
        parseLsn(begin) >= found.lsn && name !== found.firstMissing && (until === undefined || parseLsn(begin) < until);
      // Where a later timeline is to be followed, there is something of it.
      const isGap = index < forks.length || segments.some(isLater);
      return {
        timeline,
        names,
        reachable: { timeline: leg.timeline, lsn: found.lsn },
        firstMissing: found.firstMissing,
        lost: isGap ? found.firstMissing : lost,
        forks,
      };
    }
    from = until;
  }
  throw new Error('the last leg of a way has no end');
}

/** The segments between the backup's begin and end are in the backup itself; whole, unless a standby wrote the last one. */
async function goesOnFrom(log: LogReader, base: Base): Promise<Lsn> {
  const { timeline, endLsn, segmentBytes, fromStandby } = base;
  const last = segmentStart(endLsn - 1n, segmentBytes);
  const isKept = (await segmentsBeyond(log, base, timeline)).some(({ name }) => name === lastOf(base));
  return isKept || fromStandby ? last : last + BigInt(segmentBytes);
}

/** The last segment that the backup has a copy of. */
const lastOf = ({ timeline, endLsn, segmentBytes }: Base): string => segmentName(timeline, endLsn - 1n, segmentBytes);

/**
 * The segments of a timeline that are better than what the backup brought along: given to the server, the log's copy of the backup's last
 * segment takes the place of the backup's own, which must not be longer.
 */
async function segmentsBeyond(log: LogReader, base: Base, timeline: number): Promise<readonly LogSegment[]> {
  const { endLsn, segmentBytes, fromStandby } = base;
  const least = fromStandby ? endLsn : segmentStart(endLsn - 1n, segmentBytes) + BigInt(segmentBytes);
  return (await log.segments(timeline)).filter(({ name, to }) => name !== lastOf(base) || parseLsn(to) >= least);
}

/** A timeline that can be followed. */
type Followed = {
  readonly timeline: number;
  /** Where the way there leaves each timeline before it. */
  readonly forks: readonly TimelineFork[];
  /** What a newer one lacks that there is something of. */
  readonly lost?: string | undefined;
};

async function namedTimeline(log: LogReader, base: Base, timeline: number): Promise<Followed> {
  const forks = timeline === base.timeline ? [] : forksAfter(base, await log.history(timeline));
  if (forks === undefined)
    throw new HoldfastError(
      'point-unreachable',
      `timeline ${timeline} does not come from timeline ${base.timeline} after ${formatLsn(base.endLsn)}, where the backup ends`,
      { hint: 'take a backup of that timeline, or leave the timeline out for the newest one that can be reached' },
    );
  const lacking = await missingBeginning(log, base, { timeline, forks });
  if (lacking !== undefined)
    throw new HoldfastError(
      'point-unreachable',
      `timeline ${timeline} cannot be followed: '${lacking}', with which it or one on the way to it begins, is not in the store`,
      { hint: 'leave the timeline out for the newest one that can be reached' },
    );
  return { timeline, forks };
}

async function newestTimeline(log: LogReader, base: Base): Promise<Followed> {
  let lost: string | undefined;
  for (const timeline of (await log.timelines()).toSorted((a, b) => b - a)) {
    if (timeline <= base.timeline) break;
    const history = await log.history(timeline);
    const forks = forksAfter(base, history);
    const lacking =
      history === undefined ? historyName(timeline) : forks && (await missingBeginning(log, base, { timeline, forks }));
    if (forks !== undefined && lacking === undefined) return { timeline, forks, lost };
    if (lacking !== undefined && (await log.segments(timeline)).some(({ to }) => parseLsn(to) > base.endLsn))
      lost ??= lacking;
  }
  return { timeline: base.timeline, forks: [], lost };
}

/**
 * The first segment of those with which the timelines on the way begin that is not in the log. What the one before has of it is not to be
 * followed, for it goes on beyond the fork.
 */
async function missingBeginning(
  log: LogReader,
  { segmentBytes }: Base,
  { timeline, forks }: { readonly timeline: number; readonly forks: readonly TimelineFork[] },
): Promise<string | undefined> {
  for (const [index, fork] of forks.entries()) {
    const next = forks[index + 1];
    const begin = segmentStart(fork.end, segmentBytes);
    // One that was left in its first segment has that in the next one's copy.
    if (next !== undefined && segmentStart(next.end, segmentBytes) === begin) continue;
    const id = next?.timeline ?? timeline;
    const name = segmentName(id, begin, segmentBytes);
    if (!(await log.segments(id)).some((segment) => segment.name === name)) return name;
  }
  return undefined;
}

/** Where the way from the backup leaves each timeline before the one whose history this is; undefined where there is no such way. */
function forksAfter(base: Base, history: string | undefined): readonly TimelineFork[] | undefined {
  const forks = history === undefined ? [] : parseTimelineHistory(history);
  const first = forks.findIndex((fork) => fork.timeline === base.timeline);
  const left = forks[first];
  return left === undefined || left.end < base.endLsn ? undefined : forks.slice(first);
}
