import { createHash } from 'node:crypto';
import { type HoldfastConfig, requireTarget } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { newOperationId } from '../core/ids.ts';
import type { Admission, RestoreRequest, RestoreRun } from '../core/requests.ts';
import { selectionOf } from '../core/selection.ts';
import { findBackup, readManifest } from '../store/backups.ts';
import { markInUse } from '../store/in-use.ts';
import type { Store } from '../store/store.ts';
import { protectSource } from './protect-source.ts';
import type { Recorder } from './recorder.ts';
import { needsConsent } from './start.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
};
type Asked = {
  readonly request: RestoreRequest;
  readonly execution: string;
  /** When the execution began: the same for every retry, so that a retried admission is the same recovery. */
  readonly startedAt: string;
  readonly redriveCount: number;
  /** Can the state machine wait for somebody's approval? */
  readonly canWait: boolean;
};

/**
 * Turns a request into a recovery: finds the backup, marks it as in use, checks that the receiving target exists, and records that it was
 * asked for. Throws `target-protected` where somebody would have to approve it and nobody is asked. Repeats without harm: the recovery's id follows from execution and redrive.
 */
export async function admitRestore(
  { config, store, recorder, clock }: Dependencies,
  asked: Asked,
): Promise<Admission<RestoreRun>> {
  const { request } = asked;
  const found = await findBackup(store, request);
  const { tenant } = await readManifest(store, found.target, found.id);
  const into = requireTarget(config, request.into ?? found.target);
  protectSource(request, found.target);
  selectionOf(request);
  const needsApproval = needsConsent(request, into);
  if (needsApproval && !asked.canWait)
    throw new HoldfastError(
      'target-protected',
      `what is restored into target '${into.name}' needs the approval of a second person, and this state machine asks nobody`,
      { hint: "start the state machine 'recovery' with the same input" },
    );
  const begunAt = new Date(asked.startedAt);
  const tail = createHash('sha256').update(`${asked.execution}\n${asked.redriveCount}`).digest('hex').slice(0, 8);
  const run: RestoreRun = {
    ...(asked.redriveCount === 0 && request.recoveryId !== undefined
      ? { recoveryId: request.recoveryId, requestedAt: request.requestedAt ?? begunAt.toISOString() }
      : { recoveryId: newOperationId(begunAt, tail), requestedAt: begunAt.toISOString() }),
    backupId: found.id,
    target: found.target,
    into: into.name,
    databases: request.databases ?? null,
    schemas: request.schemas ?? null,
    tables: request.tables ?? null,
    withDependencies: request.withDependencies ?? false,
    paths: request.paths ?? null,
    onConflict: request.onConflict ?? null,
    jobs: request.jobs ?? null,
    comparison: request.comparison ?? null,
    point: request.point ?? null,
    timeline: request.timeline ?? null,
    folders: request.folders ?? [],
    start: request.start ?? true,
    newIdentity: request.newIdentity ?? false,
    needsApproval,
    as: request.as ?? null,
    replace: request.replace ?? false,
    requestedBy: request.requestedBy ?? { kind: 'user' },
    execution: asked.execution,
    tenant,
  };
  // The mark first, the manifest second: what is there then stays until this run has ended.
  await markInUse(store, {
    target: found.target,
    id: found.id,
    reader: run.recoveryId,
    holder: run.execution,
    description: `restore ${run.recoveryId}`,
    clock,
  });
  await readManifest(store, found.target, found.id);
  await recorder.record({
    event: 'recovery-requested',
    operation: run.recoveryId,
    at: run.requestedAt,
    tenant,
    backupId: run.backupId,
    target: run.target,
    destination: `${run.into}${run.as === null ? '' : `/${run.as}`}`,
    requestedBy: run.requestedBy,
    execution: run.execution,
    ...(request.targetTime === undefined ? {} : { targetTime: request.targetTime }),
    ...(request.point === undefined ? {} : { point: request.point }),
  });
  return { verdict: 'admitted', run, attempts: 0, redriveCount: asked.redriveCount };
}
