import { createHash } from 'node:crypto';
import { type HoldfastConfig, requireTarget } from '../../config/config.ts';
import { type CleanupRequest, type CleanupRun, noTotals } from '../../core/cleanup.ts';
import { newOperationId } from '../../core/ids.ts';
import type { Store } from '../../store/store.ts';
import { holdCleanupLease } from './cleanup-lease.ts';
import { planCleanup } from './plan-cleanup.ts';
import { writePlan } from './plan-document.ts';

type Dependencies = { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date };
type Asked = {
  readonly request: CleanupRequest;
  readonly execution: string;
  /** When the execution began: the same for every retry, so that a retried planning is the same cleanup. */
  readonly startedAt: string;
  readonly redriveCount: number;
};

/** What the state machine goes on with. */
export type AdmittedCleanup = {
  readonly run: CleanupRun;
  /** How many backups there are, and what the plan says of them. */
  readonly plan: {
    readonly backups: number;
    readonly toDelete: number;
    readonly tasks: number;
    readonly bytes: number;
  };
  readonly progress: { readonly next: 0; readonly isDone: boolean; readonly totals: typeof noTotals };
  readonly redriveCount: number;
};

/**
 * Turns a request into a cleanup with a plan, which is an object in the store. Repeats without harm: the id follows from execution and redrive,
 * and the first plan stands. A dry run takes no lease, since it removes nothing. The target has to be configured, or none is named.
 */
export async function admitCleanup(dependencies: Dependencies, asked: Asked): Promise<AdmittedCleanup> {
  const { config, store, clock } = dependencies;
  const { request, execution, startedAt, redriveCount } = asked;
  const target = request.target === undefined ? null : requireTarget(config, request.target).name;
  const requestedAt = new Date(startedAt);
  const tail = createHash('sha256').update(`${execution}\n${redriveCount}`).digest('hex').slice(0, 8);
  const run: CleanupRun = {
    cleanupId: newOperationId(requestedAt, tail),
    target,
    dryRun: request.dryRun ?? false,
    requestedBy: request.requestedBy ?? { kind: 'user' },
    execution,
    requestedAt: requestedAt.toISOString(),
  };
  if (!run.dryRun) await holdCleanupLease(store, run, clock);
  const plan = await writePlan(store, await planCleanup(dependencies, { cleanupId: run.cleanupId, target }));
  const going = plan.decisions.filter(({ verdict }) => verdict === 'delete');
  return {
    run,
    plan: {
      backups: plan.decisions.length,
      toDelete: going.length,
      tasks: plan.tasks.length,
      bytes: going.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    },
    progress: { next: 0, isDone: run.dryRun || plan.tasks.length === 0, totals: noTotals },
    redriveCount,
  };
}
