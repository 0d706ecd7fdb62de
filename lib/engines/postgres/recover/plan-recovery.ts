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
  { log, timeline, point }: Pick<RestorePlan, 'log' | 'timeline' | 'point'>,
): Promise<RecoveryPlan> {
  const along = log && { log, path: await findLogPath(log, base, timeline) };
  return planAlong(base, { along, point: point ?? { kind: 'latest' }, isTimelineNamed: timeline !== undefined });
}

/** As `planRecovery`, where the way along the log is known already. */
export async function planAlong(base: ClusterFacts, plan: Omit<RecoveryPlan, 'base'>): Promise<RecoveryPlan> {
  await requireReachable(plan.point, base, { log: plan.along?.log, path: plan.along?.path });
  return { base, ...plan };
}
