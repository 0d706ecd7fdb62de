import { isWholeServer } from '../../core/manifest.ts';
import type { EngineContext, RestorePlan, RestoreResult } from '../engine.ts';
import type { FindTools } from './capture.ts';
import { restoreCluster } from './recover/restore-cluster.ts';
import { restoreOutOfCluster } from './recover/restore-out-of-cluster.ts';
import { restoreLogical } from './restore.ts';

/** Restores what the streams hold: dumps into a server, a cluster into a folder, or what was chosen of a cluster into a server. */
export async function restoreBackup(
  context: EngineContext,
  plan: RestorePlan,
  findTools: FindTools,
): Promise<RestoreResult> {
  if (!plan.streams.some(({ record }) => isWholeServer(record))) return restoreLogical(context, plan, findTools);
  return plan.selection === undefined ? restoreCluster(context, plan) : restoreOutOfCluster(context, plan, findTools);
}
