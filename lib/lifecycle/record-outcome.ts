import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import type { Failure } from '../core/failure.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { endedOperation, type JournalEvent } from '../core/journal.ts';
import { completedEvent } from '../core/manifest-events.ts';
import { journalPrefix } from '../core/object-keys.ts';
import { type AnyRun, type BackupRun, operationOf, type RestoreRun } from '../core/requests.ts';
import { restorablePointOf } from '../core/restorable-point.ts';
import { rpoSeconds } from '../core/restorable-points.ts';
import { isCompared, type RestoreProof, weakestProof } from '../core/restore-proof.ts';
import { bringsDataBack } from '../core/vocabulary.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import { newestOutcome } from '../store/outcomes.ts';
import type { Store } from '../store/store.ts';
import { restoreTestEnding, verdictOn } from './end-restore-test.ts';
import { logPoints } from './log-points.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
};
type Ended = {
  readonly run: AnyRun;
  readonly failure?: Failure | undefined;
  readonly validation?: { readonly seconds?: number | undefined } | undefined;
};
export type Recorded = {
  readonly indexed: boolean;
  readonly status: 'COMPLETED' | 'FAILED';
  /** What a recovery takes: of a restore what it took, of a restore test what it would have taken. */
  readonly rtoSeconds?: number;
  /**
   * What a loss just before the end of this backup would have cost, by the backup before it; with a log that is received, what one would have
   * cost as this was recorded. Not known of a target's first.
   */
  readonly rpoSeconds?: number;
  /** What was done with what a restore has brought back. */
  readonly proof?: RestoreProof;
};

/**
 * Writes down how a run ended. An ending that is in the journal already stands: a retried step, or a failure path after a recorded success,
 * must not tell a second story.
 */
export async function recordOutcome(
  dependencies: Dependencies,
  { run, failure, validation }: Ended,
): Promise<Recorded> {
  const event =
    (await endingIn(dependencies.store, operationOf(run))) ??
    (await endingOf(dependencies, { run, failure, validation }));
  // Should this step end between the two, the next try of it finds what the test's task left, and writes the same again.
  const verdict = event.event === 'restore-test-ended' ? verdictOn(event) : undefined;
  if (verdict) await dependencies.recorder.record(verdict);
  const { indexed } = await dependencies.recorder.record(event);
  return { indexed, ...(await toldOf(dependencies.store, event, run)) };
}

function endingOf(dependencies: Dependencies, { run, failure, validation }: Ended): Promise<JournalEvent> {
  if ('recoveryId' in run) return restoreEnding(dependencies, run, failure);
  if ('validationId' in run) return restoreTestEnding(dependencies.store, run, { failure, now: dependencies.clock() });
  return backupEnding(dependencies, { run, failure, validation });
}

async function toldOf(store: Store, event: JournalEvent, run: AnyRun): Promise<Omit<Recorded, 'indexed'>> {
  if (event.event === 'restore-test-ended') {
    const { status, rtoSeconds } = event;
    return {
      status: status === 'PASSED' ? 'COMPLETED' : 'FAILED',
      ...(rtoSeconds === undefined ? {} : { rtoSeconds }),
    };
  }
  if (event.event === 'recovery-ended') {
    const { status, beganAt, endedAt, proof } = event;
    if (status === 'FAILED') return { status };
    const rtoSeconds = Math.max(0, Date.parse(endedAt) - Date.parse(beganAt)) / 1000;
    return { status, rtoSeconds, ...(proof && { proof }) };
  }
  if (event.event !== 'backup-completed') return { status: 'FAILED' };
  // Definitions alone end no exposure.
  if ('method' in run && !bringsDataBack(run.method)) return { status: 'COMPLETED' };
  // What is made of earlier backups neither.
  if (event.madeFrom !== undefined) return { status: 'COMPLETED' };
  const previous = await previousPoint(store, run.target, event.operation);
  const measured = [
    ...(previous === undefined ? [] : [rpoSeconds(event.endedAt, previous)]),
    ...(event.logPoint === undefined ? [] : [rpoSeconds(event.logPoint.seenAt, event.logPoint.at)]),
  ];
  return { status: 'COMPLETED', ...(measured.length === 0 ? {} : { rpoSeconds: Math.min(...measured) }) };
}

/** The restorable point that a target had until this backup: that of the newest complete one before it. */
async function previousPoint(store: Store, target: TargetName, backup: BackupId): Promise<string | undefined> {
  const earlier = (await Array.fromAsync(listBackups(store, target))).filter(({ id }) => id < backup);
  for (const { id } of earlier.toReversed()) {
    const manifest = await readManifest(store, target, id).catch((error: unknown) => {
      if (error instanceof HoldfastError && !error.retryable) return undefined;
      throw error;
    });
    if (manifest?.status === 'complete' && bringsDataBack(manifest.method)) return restorablePointOf(manifest);
  }
  return undefined;
}

/** There is no manifest, or none that can be read: a passing failure is not among them. */
const saysNothing: ReadonlySet<HoldfastError['code']> = new Set([
  'backup-unknown',
  'manifest-newer',
  'manifest-unreadable',
  'corrupt',
]);

async function backupEnding(
  { config, store, clock }: Dependencies,
  { run, failure, validation }: Ended & { readonly run: BackupRun },
): Promise<JournalEvent> {
  const manifest = await readManifest(store, run.target, run.backupId).catch((error: unknown) => {
    // Of a failure the manifest only says what can be restored all the same, and from one that cannot be read nothing can.
    if (failure && error instanceof HoldfastError && saysNothing.has(error.code)) return undefined;
    throw error;
  });
  const completed = manifest && completedEvent(manifest, store, config.run.validation ? 'VALIDATED' : 'PENDING');
  if (completed && failure === undefined && manifest.status === 'complete') {
    const now = clock();
    const own = { targets: config.targets.filter(({ name }) => name === run.target) };
    const logPoint = (await logPoints({ config: own, store }, now)).get(run.target)?.point;
    return {
      ...completed,
      ...(validation?.seconds !== undefined && { validationSeconds: validation.seconds }),
      ...(logPoint && { logPoint: { at: logPoint.at, seenAt: now.toISOString() } }),
    };
  }
  return {
    event: 'backup-failed',
    operation: run.backupId,
    at: clock().toISOString(),
    tenant: run.tenant,
    endedAt: manifest?.endedAt ?? clock().toISOString(),
    error: failure ?? {
      code: 'partial',
      message: 'a part of the backup failed',
      hint: "'holdfast show' lists what failed and why",
    },
    ...(completed
      ? {
          storageLocation: completed.storageLocation,
          storageType: completed.storageType,
          plainBytes: completed.plainBytes,
          storedBytes: completed.storedBytes,
          retentionUntil: completed.retentionUntil,
          ...(completed.parent && { parent: completed.parent }),
        }
      : {}),
  };
}

async function restoreEnding(
  { store, clock }: Dependencies,
  run: RestoreRun,
  failure: Failure | undefined,
): Promise<JournalEvent> {
  const outcome = await newestOutcome(store, run.recoveryId);
  const proof = weakestProof(outcome?.restore?.databases ?? []);
  const endedAt = outcome?.endedAt ?? clock().toISOString();
  return {
    event: 'recovery-ended',
    operation: run.recoveryId,
    at: endedAt,
    tenant: run.tenant,
    status: failure ? 'FAILED' : 'COMPLETED',
    beganAt: run.beganAt ?? run.requestedAt,
    endedAt,
    restoredBytes: outcome?.restore?.restoredBytes ?? 0,
    compared: isCompared(proof),
    ...(proof && { proof }),
    ...(outcome?.restore?.seconds === undefined ? {} : { restoreSeconds: outcome.restore.seconds }),
    ...(outcome?.restore?.reached === undefined ? {} : { reached: outcome.restore.reached }),
    ...(failure ? { error: failure } : {}),
  };
}

async function endingIn(store: Store, operation: BackupId): Promise<JournalEvent | undefined> {
  for await (const { key } of store.list(journalPrefix(operation))) {
    if (endedOperation(key) === undefined) continue;
    try {
      return await readEvent(store, key);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'corrupt') throw error;
    }
  }
  return undefined;
}
