import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { CleanupRun, CleanupTotals } from '../../core/cleanup.ts';
import type { Failure } from '../../core/failure.ts';
import type { BackupId } from '../../core/ids.ts';
import { endedOperation, type JournalEvent } from '../../core/journal.ts';
import { journalPrefix } from '../../core/object-keys.ts';
import { emitMetrics } from '../../observe/metrics.ts';
import { readEvent } from '../../store/journal.ts';
import type { Store } from '../../store/store.ts';
import { putEvent } from '../put-event.ts';
import type { Recorder } from '../recorder.ts';
import { releaseCleanupLease } from './cleanup-lease.ts';

type Dependencies = {
  readonly store: Store;
  readonly recorder: Recorder;
  readonly events: EventBridgeClient;
  readonly clock: () => Date;
};

/** Writes down what a cleanup did, lets the next one run, and tells whoever wants to know: metrics, and an event. Repeats without harm. */
export async function endCleanup(
  { store, recorder, events, clock }: Dependencies,
  {
    run,
    totals,
    failure,
  }: { readonly run: CleanupRun; readonly totals: CleanupTotals; readonly failure?: Failure | undefined },
): Promise<{ readonly indexed: boolean }> {
  await releaseCleanupLease(store, run.execution, clock);
  const { indexed } = await recorder.record(
    (await endingOf(store, run.cleanupId)) ?? {
      event: 'cleanup-ended',
      operation: run.cleanupId,
      at: clock().toISOString(),
      tenant: null,
      status: failure ? 'FAILED' : 'COMPLETED',
      target: run.target,
      requestedBy: run.requestedBy,
      execution: run.execution,
      beganAt: run.requestedAt,
      totals,
      ...(failure ? { error: failure } : {}),
    },
  );
  emitMetrics(
    {},
    {
      [failure ? 'CleanupFailed' : 'CleanupSucceeded']: 1,
      BackupsDeleted: totals.deleted,
      CleanupFreedBytes: totals.freedBytes,
      CleanupRetainedBytes: totals.retainedBytes,
    },
  );
  const detail = {
    operation: run.cleanupId,
    target: run.target ?? 'all',
    execution: run.execution,
    ...totals,
    ...failure,
  };
  await putEvent({ events, clock }, failure ? 'Cleanup Failed' : 'Cleanup Completed', detail);
  return { indexed };
}

/** A step that is tried again must not tell a second story. */
async function endingOf(store: Store, cleanup: BackupId): Promise<JournalEvent | undefined> {
  for await (const { key } of store.list(journalPrefix(cleanup)))
    if (endedOperation(key) !== undefined) return readEvent(store, key);
  return undefined;
}
