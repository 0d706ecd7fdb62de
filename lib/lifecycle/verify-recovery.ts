import type { HoldfastConfig } from '../config/config.ts';
import { requireTarget } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { readBackCommand } from '../core/read-back-command.ts';
import type { RecoveryPlan } from '../core/recovery-plan.ts';
import type { ReachedPoint } from '../core/recovery-point.ts';
import type { RestoreRun } from '../core/requests.ts';
import { requireReached } from '../core/require-reached.ts';
import type { RestoreProof } from '../core/restore-proof.ts';
import { isFolder } from '../core/selection.ts';
import { openEngine } from '../engines/open-engine.ts';
import { restoreFailure } from '../runner/restore-failure.ts';
import { newestOutcome } from '../store/outcomes.ts';
import type { Store } from '../store/store.ts';

export type Verified = {
  readonly verification: {
    readonly asked: string;
    readonly reached: ReachedPoint | null;
    readonly restoredBytes: number;
    readonly copies: readonly {
      readonly from: string;
      readonly to: string;
      readonly same: boolean;
      readonly proof?: RestoreProof | undefined;
      readonly remarks: readonly string[];
    }[];
  };
  readonly handOver: {
    /** Where what was asked for is now: nowhere, after a rehearsal. */
    readonly where: readonly string[];
    /** What to type next. */
    readonly next: readonly string[];
  };
};

/**
 * Holds what the task left word of against what was asked for and planned, and says where the copy is and how it goes on. The task has proved
 * it already; this is another process, which has only its word. Throws `comparison-failed`, `point-unreachable`, `restore-failed`. Changes nothing.
 */
export async function verifyRecovery(
  { config, store }: { readonly config: HoldfastConfig; readonly store: Store },
  { run, plan }: { readonly run: RestoreRun; readonly plan: RecoveryPlan },
): Promise<Verified> {
  const restored = (await newestOutcome(store, run.recoveryId))?.restore;
  if (restored === undefined)
    throw new HoldfastError('restore-failed', 'the task ended well, and left no word of what it has restored', {
      hint: 'look at what is there before it is used, and ask again',
    });
  const failure = restoreFailure(restored);
  if (failure) throw failure;
  requireReached(run.start ? run.point : null, restored.reached, run.start ? plan.log : null);

  const isCluster = plan.log !== null || restored.reached !== undefined;
  const folder = isCluster && run.as !== null && isFolder(run.as) ? run.as : undefined;
  const { host, port } = requireTarget(config, run.into).connection as { host?: string; port?: number };
  const copies = restored.databases.map(({ from, to, same, proof, remarks }) => {
    return { from, to, same, ...(proof && { proof }), remarks };
  });
  const verification = {
    asked: plan.point,
    reached: restored.reached ?? null,
    restoredBytes: restored.restoredBytes,
    copies,
  };
  if (config.recovery.mode === 'test') return { verification, handOver: { where: [], next: [] } };
  const unread = restored.databases.flatMap((copy) => readBackCommand(run, restored, copy) ?? []);
  const next = openEngine(plan.engine).nextCommands?.({
    target: run.target,
    ...(folder === undefined ? {} : { folder }),
    parts: copies.map(({ from, to }) => ({ from: isCluster ? (onlyDatabase(run) ?? to) : from, to })),
    server: { host, port },
  });
  return {
    verification,
    handOver: {
      where: folder === undefined ? copies.map(({ to }) => `'${to}' of target '${run.into}'`) : [`folder '${folder}'`],
      next: [...unread, ...(next ?? [`holdfast backup ${run.into}`])],
    },
  };
}

/** Out of a whole server, what comes is said to come from the server; which part it was is known when one was asked for. */
const onlyDatabase = ({ databases }: RestoreRun): string | undefined =>
  databases?.length === 1 ? databases[0] : undefined;
