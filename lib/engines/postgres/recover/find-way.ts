import type { StreamRecord } from '../../../core/manifest.ts';
import type { RecoveryPlan } from '../../../core/recovery-plan.ts';
import type { RestorePlan } from '../../engine.ts';
import { formatLsn, parseLsn } from '../replication/lsn.ts';
import { parseSegmentName, segmentStart } from '../replication/wal-segments.ts';
import { clusterFactsOf } from './cluster-facts.ts';
import { planRecovery } from './plan-recovery.ts';

/**
 * The WAL that leads from a base backup to the point, as far as that can be told before a server reads it: to a position, the segments before
 * it; to anything else, all that are there. Throws `point-unreachable` with the first segment that is missing and the last point that can be reached.
 */
export async function findWay(
  record: StreamRecord,
  plan: Pick<RestorePlan, 'log' | 'timeline' | 'point'>,
): Promise<RecoveryPlan['log'] | undefined> {
  const base = clusterFactsOf(record);
  const { along, point } = await planRecovery(base, plan);
  if (along === undefined) return undefined;
  const { segmentBytes } = base;
  const { timeline, reachable, names } = along.path;
  const until = point.kind === 'lsn' ? parseLsn(point.value) : undefined;
  const needed = names.filter(
    (name) => until === undefined || (parseSegmentName(name, segmentBytes)?.start ?? 0n) <= until,
  );
  return {
    timeline,
    segments: needed.length,
    first: needed[0] ?? null,
    last: needed.at(-1) ?? null,
    bytes: needed.length * segmentBytes,
    reachable: formatLsn(reachable.lsn),
    lastSegmentFrom: formatLsn(segmentStart(reachable.lsn - 1n, segmentBytes)),
  };
}
