import type { RecoveryPoint } from '../../../core/recovery-point.ts';
import type { LogReader } from '../../engine.ts';
import { formatLsn, parseLsn } from '../replication/lsn.ts';
import { parseSegmentName } from '../replication/wal-segments.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { LogPath } from './log-path.ts';

/**
 * A moment in the window that a backup and its log reach, drawn by `chance`: a time where it is known which times the log has, the beginning of
 * a segment otherwise. The later half of the window is drawn from, since what is asked for on a bad day is recent, and proves what is before it too.
 */
export async function pointByChance(
  base: ClusterFacts,
  {
    along,
    notBefore,
    chance,
  }: {
    /** The log, and the way along its newest timeline. */
    readonly along: { readonly log: LogReader; readonly path: LogPath } | undefined;
    readonly notBefore: string;
    readonly chance: number;
  },
): Promise<RecoveryPoint> {
  if (along === undefined) return { kind: 'immediate' };
  const { log, path } = along;
  const covered = await log.covered();
  const from = Date.parse(notBefore);
  const isThere = covered?.timeline === path.timeline && parseLsn(covered.lsn) <= path.reachable.lsn;
  if (isThere && Date.parse(covered.at) > from) {
    const to = Date.parse(covered.at);
    return { kind: 'time', value: new Date(to - (chance * (to - from)) / 2).toISOString() };
  }
  // Each segment but the last begins with something that was written; where in it the server's own writing ended, nobody knows before.
  const begins = path.names
    .slice(0, -1)
    .map((name) => parseSegmentName(name, base.segmentBytes)?.start ?? 0n)
    .filter((start) => start > base.endLsn);
  const drawn = begins.at(-1 - Math.floor((chance * begins.length) / 2));
  if (drawn !== undefined) return { kind: 'lsn', value: formatLsn(drawn) };
  return path.lost === undefined ? { kind: 'latest' } : { kind: 'immediate' };
}
