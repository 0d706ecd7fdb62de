import { HoldfastError } from '../../../core/errors.ts';
import type { LogReader, LogSegment } from '../../engine.ts';
import { formatLsn, type Lsn, parseLsn } from '../replication/lsn.ts';
import { parseTimelineHistory, type TimelineFork } from '../replication/timeline-history.ts';
import { segmentName, segmentStart } from '../replication/wal-segments.ts';
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
 * Finds the way from a base backup along the timeline that is asked for, or else the newest that comes from the backup's. Throws
 * `point-unreachable` where that timeline does not come from the backup.
 */
export async function findLogPath(log: LogReader, base: Base, wanted: number | undefined): Promise<LogPath> {
  const timeline = wanted ?? (await newestTimeline(log, base));
  const forks = await forksAfter(log, base, timeline);
  if (forks === undefined)
    throw new HoldfastError(
      'point-unreachable',
      `timeline ${timeline} does not come from timeline ${base.timeline} after ${formatLsn(base.endLsn)}, where the backup ends`,
      { hint: 'take a backup of that timeline, or leave the timeline out for the newest one that can be reached' },
    );
  const { segmentBytes } = base;
  let from = await goesOnFrom(log, base);
  let path: LogPath | undefined;
  for (const leg of [...forks, { timeline, end: undefined }]) {
    const segments = await log.segments(leg.timeline);
    const found = reachableOn(leg.timeline, from, { segments, segmentBytes });
    // Of the segment in which a timeline parts, the new one has a copy of its own.
    const until = leg.end === undefined ? undefined : segmentStart(leg.end, segmentBytes);
    const needed = found.names.filter(
      (_, index) =>
        until === undefined || segmentStart(from, segmentBytes) + BigInt(index) * BigInt(segmentBytes) < until,
    );
    path = {
      timeline,
      names: [...(path?.names ?? []), ...needed],
      reachable: { timeline: leg.timeline, lsn: found.lsn },
      firstMissing: found.firstMissing,
    };
    if (until === undefined || found.lsn < until) return path;
    from = until;
  }
  return path as LogPath;
}

/** The segments between the backup's begin and end are in the backup itself; whole, unless a standby wrote the last one. */
async function goesOnFrom(log: LogReader, { timeline, endLsn, segmentBytes, fromStandby }: Base): Promise<Lsn> {
  const last = segmentStart(endLsn - 1n, segmentBytes);
  const name = segmentName(timeline, last, segmentBytes);
  const isKept = (await log.segments(timeline)).some((segment) => segment.name === name);
  return isKept || fromStandby ? last : last + BigInt(segmentBytes);
}

async function newestTimeline(log: LogReader, base: Base): Promise<number> {
  const newestFirst = (await log.timelines()).toSorted((a, b) => b - a);
  for (const timeline of newestFirst) if ((await forksAfter(log, base, timeline)) !== undefined) return timeline;
  return base.timeline;
}

/** Where the way from the backup to the timeline leaves each one before; undefined where there is no such way. */
async function forksAfter(
  log: LogReader,
  base: Base,
  timeline: number,
): Promise<readonly Pick<TimelineFork, 'timeline' | 'end'>[] | undefined> {
  if (timeline === base.timeline) return [];
  const history = await log.history(timeline);
  const forks = history === undefined ? [] : parseTimelineHistory(history);
  const first = forks.findIndex((fork) => fork.timeline === base.timeline);
  const left = forks[first];
  return left === undefined || left.end < base.endLsn ? undefined : forks.slice(first);
}
