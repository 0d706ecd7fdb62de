import { isWholeServer } from '../../core/manifest.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import type { FindTools } from './capture.ts';
import { testCluster } from './recover/test-cluster.ts';
import { testRestore } from './restore-test.ts';

/** Tests a backup by restoring it: dumps into a new server, a cluster as the data directory of one. */
export async function testBackup(
  context: Omit<EngineContext, 'connection'>,
  plan: RestoreTestPlan,
  findTools: FindTools,
): Promise<RestoreTestResult> {
  return plan.streams.some(({ record }) => isWholeServer(record))
    ? testCluster(context, plan)
    : testRestore(context, plan, findTools);
}
