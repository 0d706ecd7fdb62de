import type { HoldfastConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { RecoveryPlan } from '../core/recovery-plan.ts';
import type { RestoreRun } from '../core/requests.ts';
import { withRunContext } from '../runner/context.ts';
import { planRestore } from '../runner/plan-restore.ts';
import { markInUse } from '../store/in-use.ts';
import type { Store } from '../store/store.ts';
import { type EventSender, putEvent } from './put-event.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly runtime: { readonly environment: Environment };
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
  readonly sender: EventSender;
};

/**
 * Plans a recovery that may run, and writes down that it begins. Throws `point-unreachable` and whatever else makes it pointless to begin.
 *
 * The backup's mark first: it may have waited for a day, and from now on no cleanup takes it away. The plan second, the journal third: a plan
 * that fails leaves a mark that runs out, and no beginning. A retry writes a second beginning, and the first one's time counts no more.
 */
export async function beginRecovery(
  { config, runtime, store, recorder, clock, sender }: Dependencies,
  run: RestoreRun,
): Promise<{ readonly plan: RecoveryPlan; readonly beganAt: string }> {
  await markInUse(store, {
    ...{ target: run.target, id: run.backupId, reader: run.recoveryId, holder: run.execution },
    description: `restore ${run.recoveryId}`,
    clock,
  });
  const plan = await withRunContext(
    { config, environment: runtime.environment, signal: new AbortController().signal, report: () => {} },
    (context) => planRestore(context, run),
  );
  const beganAt = clock().toISOString();
  await recorder.record({ event: 'recovery-begun', operation: run.recoveryId, at: beganAt, tenant: run.tenant, plan });
  if (run.needsApproval === true) {
    const { recoveryId: operation, target, into, execution } = run;
    await putEvent(sender, 'Recovery Begun', { operation, target, into, execution });
  }
  return { plan, beganAt };
}
