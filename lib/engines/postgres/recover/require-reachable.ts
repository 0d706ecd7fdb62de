import { HoldfastError } from '../../../core/errors.ts';
import { describePoint, type RecoveryPoint } from '../../../core/recovery-point.ts';
import type { LogReader } from '../../engine.ts';
import { formatLsn, parseLsn } from '../replication/lsn.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { LogPath } from './log-path.ts';

/**
 * Refuses a point that the backup and its log cannot reach, before anything is fetched. Where only the log itself tells whether it can (a
 * restore point's name, a transaction), the server says so later. Throws `point-unreachable` with the first segment that is missing and the
 * last point that can be reached.
 */
export async function requireReachable(
  point: RecoveryPoint,
  base: ClusterFacts,
  { log, path }: { readonly log: LogReader | undefined; readonly path: LogPath | undefined },
): Promise<void> {
  if (point.kind === 'immediate') return;
  if (point.kind === 'time' && Date.parse(point.value) < Date.parse(base.snapshotAt))
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} is before the backup, whose first point is ${base.snapshotAt}`,
      { hint: "take an earlier backup: 'holdfast list' shows them" },
    );
  if (point.kind === 'lsn' && parseLsn(point.value) < base.endLsn)
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} is before the end of the backup, ${formatLsn(base.endLsn)}, which is the first that it can reach`,
      { hint: "take an earlier backup: 'holdfast list' shows them" },
    );
  if (log === undefined || path === undefined) {
    if (point.kind === 'latest') return;
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} cannot be reached: there is no log beside the backup, whose own point is ${base.snapshotAt} at ${formatLsn(base.endLsn)}`,
      { hint: 'leave the point out to restore the backup itself' },
    );
  }
  const last = formatLsn(path.reachable.lsn);
  if (point.kind === 'lsn' && parseLsn(point.value) > path.reachable.lsn)
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} cannot be reached: segment '${path.firstMissing}' is not in the store, and the last point before it is ${last}`,
    );
  if (point.kind === 'latest' && path.lost !== undefined)
    throw new HoldfastError(
      'point-unreachable',
      `the latest point cannot be reached: '${path.lost}' is not in the store, where the log goes on after it; the last point before it is ${last}`,
      { hint: `say --to-lsn ${last} for that one, or take a backup from after the gap: 'holdfast list' shows them` },
    );
  // Where a segment is missing below, a moment before it may be reached all the same: the server says when it is there. So may one after all
  // that was said of the log, when more of it has come since.
  const covered = await log.covered();
  if (point.kind !== 'time' || covered?.timeline !== path.timeline) return;
  const end = path.reachable.lsn <= parseLsn(covered.lsn) ? covered.at : covered.latest;
  if (end !== undefined && Date.parse(point.value) > Date.parse(end))
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} cannot be reached: the log in the store goes to ${end}, ${last}`,
      { hint: `ask for an earlier moment (--to-time ${covered.at}), or for the latest (--to-latest)` },
    );
}
