import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import type { Failure } from '../core/failure.ts';
import type { BackupId } from '../core/ids.ts';
import { endedOperation, type JournalEvent } from '../core/journal.ts';
import { completedEvent } from '../core/manifest-events.ts';
import { journalPrefix } from '../core/object-keys.ts';
import type { BackupRun, RestoreRun } from '../core/requests.ts';
import { readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import { newestOutcome } from '../store/outcomes.ts';
import type { Store } from '../store/store.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
};
export type Recorded = { readonly indexed: boolean; readonly status: 'COMPLETED' | 'FAILED' };

/**
 * Writes down how a run ended. An ending that is in the journal already stands: a retried step, or a failure path after a recorded success,
 * must not tell a second story.
 */
export async function recordOutcome(
  dependencies: Dependencies,
  { run, failure }: { readonly run: BackupRun | RestoreRun; readonly failure?: Failure | undefined },
): Promise<Recorded> {
  const operation = 'recoveryId' in run ? run.recoveryId : run.backupId;
  const event =
    (await endingIn(dependencies.store, operation)) ??
    ('recoveryId' in run
      ? await restoreEnding(dependencies, run, failure)
      : await backupEnding(dependencies, run, failure));
  const { indexed } = await dependencies.recorder.record(event);
  return {
    indexed,
    status:
      event.event === 'backup-failed' || (event.event === 'recovery-ended' && event.status === 'FAILED')
        ? 'FAILED'
        : 'COMPLETED',
  };
}

/** There is no manifest, or none that can be read: a passing failure is not among them. */
const saysNothing: ReadonlySet<HoldfastError['code']> = new Set(['backup-unknown', 'manifest-unreadable', 'corrupt']);

async function backupEnding(
  { config, store, clock }: Dependencies,
  run: BackupRun,
  failure: Failure | undefined,
): Promise<JournalEvent> {
  const manifest = await readManifest(store, run.target, run.backupId).catch((error: unknown) => {
    // Of a failure the manifest only says what can be restored all the same, and from one that cannot be read nothing can.
    if (failure && error instanceof HoldfastError && saysNothing.has(error.code)) return undefined;
    throw error;
  });
  const completed = manifest && completedEvent(manifest, store, config.run.validation ? 'VALIDATED' : 'PENDING');
  if (completed && failure === undefined && manifest.status === 'complete') return completed;
  return {
    event: 'backup-failed',
    operation: run.backupId,
    at: clock().toISOString(),
    tenant: null,
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
  const endedAt = outcome?.endedAt ?? clock().toISOString();
  return {
    event: 'recovery-ended',
    operation: run.recoveryId,
    at: endedAt,
    tenant: null,
    status: failure ? 'FAILED' : 'COMPLETED',
    beganAt: run.requestedAt,
    endedAt,
    restoredBytes: outcome?.restore?.restoredBytes ?? 0,
    compared: outcome?.restore !== undefined,
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
