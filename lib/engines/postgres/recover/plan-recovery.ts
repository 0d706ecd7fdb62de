import type { RecoveryPoint } from '../../../core/recovery-point.ts';
import type { RestorePlan } from '../../engine.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { findLogPath } from './log-path.ts';
import type { Recovery } from './recover.ts';
import { requireReachable } from './require-reachable.ts';

/** How far a recovery goes and along which log. */
export type RecoveryPlan = Pick<Recovery, 'base' | 'point' | 'along' | 'isTimelineNamed'>;

/** Plans a recovery, and refuses one that cannot reach its point. Throws `point-unreachable`. */
export async function planRecovery(
  base: ClusterFacts,
  { log, timeline, point: asked }: Pick<RestorePlan, 'log' | 'timeline' | 'point'>,
): Promise<RecoveryPlan> {
  const path = log && (await findLogPath(log, base, timeline));
  const point: RecoveryPoint = asked ?? { kind: 'latest' };
  await requireReachable(point, base, { log, path });
  return { base, point, along: log && path && { log, path }, isTimelineNamed: timeline !== undefined };
}
