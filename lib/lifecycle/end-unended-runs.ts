import type { HoldfastConfig } from '../config/config.ts';
import { mostAttempts } from '../core/attempts.ts';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { type BackupId, timeOfId } from '../core/ids.ts';
import { endedOperation, type JournalEvent, journalKey, recoveryStage } from '../core/journal.ts';
import type { Manifest } from '../core/manifest.ts';
import { completedEvent } from '../core/manifest-events.ts';
import { prefixes } from '../core/object-keys.ts';
import { listBackups, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';
import { readVerification } from '../store/verification.ts';
import { orNote } from './or-note.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly clock: () => Date;
  readonly log: { warn(message: string): void };
};

/** A run that published and then lost its state machine is given this long to write its own ending. */
const graceMs = 2 * 3600 * 1000;

/** What a run may take beside its task's own time, for each attempt: capacity, an image to pull, waits, steps. */
const overheadSeconds = 3600;

/**
 * Writes the endings that runs could not write themselves, and returns how many. A published backup is complete, whatever became of its
 * state machine, unless a validation has found it bad. A run that has left nothing after more time than any run may take (an execution stopped by hand, a machine that died)
 * has failed, and must not be called running for ever.
 *
 * An ending is written once: by its key for a completion, and because the next run of this finds it. Should the run write its own in the very
 * moment, the catalog orders the two by time and keeps both in its history.
 */
export async function endUnendedRuns({ config, store, clock, log }: Dependencies): Promise<number> {
  const unended = await unendedOperations(store);
  const now = clock().getTime();
  const longestRunMs = mostAttempts * (config.run.timeoutSeconds + overheadSeconds) * 1000;
  let written = 0;
  const write = async (event: JournalEvent): Promise<void> => {
    await putJson(store, journalKey(event), event, { condition: 'absent' });
    written++;
  };

  for await (const { target, id } of listBackups(store)) {
    if (unended.ended.has(id)) continue;
    const manifest = await orNote(log, () => readManifest(store, target, id));
    if (manifest?.status !== 'complete' || now - Date.parse(manifest.endedAt) < graceMs) continue;
    unended.requested.delete(id);
    const known = await orNote(log, () => readVerification(store, id));
    // It is there, and somebody has looked at it and found it bad: what could not be recorded was that.
    await write(
      known?.status === 'FAILED'
        ? foundBad(manifest, known.detail, clock().toISOString())
        : completedEvent(manifest, store, 'PENDING'),
    );
  }
  const longestWaitMs = config.recovery.approvalHours * 3600 * 1000;
  for (const { key, since, waits } of unended.requested.values()) {
    if (now - since.getTime() < longestRunMs + (waits ? longestWaitMs : 0)) continue;
    const request = await orNote(log, () => readEvent(store, key));
    const ending = request && vanished(request, clock().toISOString());
    if (ending) await write(ending);
  }
  return written;
}

/** The key of a request, since when its run may be going on, and whether it may have to wait for somebody first. */
type Requested = { readonly key: string; readonly since: Date; readonly waits: boolean };

/** Operations that have an ending, and the request's key of those that have none. */
async function unendedOperations(
  store: Store,
): Promise<{ readonly ended: Set<string>; readonly requested: Map<string, Requested> }> {
  const ended = new Set<string>();
  const requested = new Map<string, Requested>();
  for await (const { key } of store.list(prefixes.journal)) {
    const operation = key.split('/')[1] as BackupId;
    // Requests sort before endings, and the events of one operation stand together.
    if (/\/010-(backup|recovery|restore-test)-requested-/.test(key))
      requested.set(operation, { key, since: timeOfId(operation), waits: false });
    const later = recoveryStage(key);
    const asked = requested.get(operation);
    if (later !== undefined && asked !== undefined)
      requested.set(
        operation,
        later.stage === 'waits' ? { ...asked, waits: true } : { ...asked, since: new Date(later.at), waits: false },
      );
    if (endedOperation(key) === undefined) continue;
    ended.add(operation);
    requested.delete(operation);
  }
  return { ended, requested };
}

/** The failure of a backup that was published and did not stand up to validation. */
function foundBad({ backupId: operation, tenant, endedAt }: Manifest, detail: string | null, at: string): JournalEvent {
  const [, code = 'corrupt', message = 'validation found it bad'] = /^([a-z-]+): ([\s\S]*)$/.exec(detail ?? '') ?? [];
  const hint = errorTable[code in errorTable ? (code as ErrorCode) : 'corrupt'].hint;
  return { event: 'backup-failed', operation, at, tenant, endedAt, error: { code, message, hint } };
}

function vanished(request: JournalEvent, at: string): JournalEvent | undefined {
  const { operation, tenant } = request;
  const error = {
    code: 'task-killed',
    message: 'the run ended without a word: its execution was stopped, or the machine under it died',
    hint: errorTable['task-killed'].hint,
  };
  if (request.event === 'backup-requested')
    return { event: 'backup-failed', operation, at, tenant, endedAt: at, error };
  if (request.event === 'restore-test-requested') {
    const { backupId, target, requestedBy } = request;
    const ended = { status: 'ERROR', beganAt: request.at, endedAt: at, error } as const;
    return { event: 'restore-test-ended', operation, at, tenant, backupId, target, requestedBy, ...ended };
  }
  if (request.event !== 'recovery-requested') return undefined;
  const nothing = { restoredBytes: 0, compared: false };
  return {
    event: 'recovery-ended',
    operation,
    at,
    tenant,
    status: 'FAILED',
    beganAt: request.at,
    endedAt: at,
    ...nothing,
    error,
  };
}
