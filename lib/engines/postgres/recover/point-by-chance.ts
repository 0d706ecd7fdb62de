import type { RecoveryPoint } from '../../../core/recovery-point.ts';
import type { LogReader } from '../../engine.ts';
import { formatLsn, parseLsn } from '../replication/lsn.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { findLogPath } from './log-path.ts';

const longRecordBytes = 1024n * 1024n;

/**
 * A moment in the window that a backup and its log reach, drawn by `chance`: a time where it is known which times the log has, a position
 * otherwise. The later half of the window is drawn from, since what is asked for on a bad day is recent, and proves what is before it too.
 */
export async function pointByChance(
  base: ClusterFacts,
  {
    log,
    notBefore,
    chance,
  }: { readonly log: LogReader | undefined; readonly notBefore: string; readonly chance: number },
): Promise<RecoveryPoint> {
  if (log === undefined) return { kind: 'immediate' };
  const path = await findLogPath(log, base, undefined);
  const covered = await log.covered();
  const from = Date.parse(notBefore);
  if (covered !== undefined && parseLsn(covered.lsn) <= path.reachable.lsn && Date.parse(covered.at) > from) {
    const to = Date.parse(covered.at);
    return { kind: 'time', value: new Date(to - (chance * (to - from)) / 2).toISOString() };
  }
  const bytes = path.reachable.lsn - base.endLsn;
  if (bytes <= 0n) return { kind: 'latest' };
  const back = BigInt(Math.floor((chance * Number(bytes)) / 2));
  // Nothing may begin any more so near to the end: a record there goes on beyond it.
  return back < longRecordBytes ? { kind: 'latest' } : { kind: 'lsn', value: formatLsn(path.reachable.lsn - back) };
}
