import type { Failure } from '../core/failure.ts';
import type { JournalEvent, RestoreTestEnded } from '../core/journal.ts';
import type { Outcome } from '../core/outcome.ts';
import type { RestoreTestRun } from '../core/requests.ts';
import { validationStatusOf } from '../core/restore-test-status.ts';
import type { RestoreTestFigures } from '../core/validation-events.ts';
import { newestOutcome } from '../store/outcomes.ts';
import type { Store } from '../store/store.ts';

/**
 * How a restore test ended, from what its task left in the store. What the task says of itself when it ended well stands, whatever failed
 * after it: the backup was restored and examined all the same.
 */
export async function restoreTestEnding(
  store: Store,
  run: RestoreTestRun,
  { failure, now }: { readonly failure: Failure | undefined; readonly now: Date },
): Promise<RestoreTestEnded> {
  const outcome = await newestOutcome(store, run.validationId);
  const error = outcome?.exitCode === 0 ? undefined : failure;
  const endedAt = outcome?.endedAt ?? now.toISOString();
  return {
    event: 'restore-test-ended',
    operation: run.validationId,
    at: endedAt,
    tenant: null,
    backupId: run.backupId,
    target: run.target,
    requestedBy: run.requestedBy,
    status: validationStatusOf(error?.code),
    beganAt: run.requestedAt,
    endedAt,
    ...measured(run, outcome?.restoreTest),
    ...(error ? { error } : {}),
  };
}

function measured(
  { requestedAt }: RestoreTestRun,
  restoreTest: Outcome['restoreTest'],
): Pick<RestoreTestEnded, 'figures' | 'rtoSeconds'> {
  if (restoreTest === undefined) return {};
  const { restoredAt, ...figures } = restoreTest;
  return { figures, rtoSeconds: Math.max(0, Date.parse(restoredAt) - Date.parse(requestedAt)) / 1000 };
}

/** A recovered cluster is gone through, and held against nothing. */
const isCompared = ({ proof = 'compared' }: RestoreTestFigures): boolean => proof === 'compared';

/** What an ended restore test means for the backup itself; undefined when it means nothing. Follows from the ending alone. */
export function verdictOn({
  operation,
  at,
  tenant,
  backupId,
  status,
  figures,
  error,
}: RestoreTestEnded): JournalEvent | undefined {
  if (status !== 'PASSED' && status !== 'FAILED') return undefined;
  const examined = figures
    ? `restored into ${figures.server} ${figures.serverVersion}: ${figures.tables} ${figures.words.collection}s and ${figures.rows} ${figures.words.item}s ${isCompared(figures) ? 'are the same' : 'were recovered'}, ` +
      `${figures.relations} relations are sound, ${figures.assertions} assertions hold`
    : 'restored and examined';
  return {
    event: 'backup-verified',
    operation: backupId,
    at,
    tenant,
    verification: status === 'PASSED' ? 'VERIFIED' : 'FAILED',
    detail: error ? `${error.code}: ${error.message}` : examined,
    by: 'restore-test',
    validation: operation,
    ...(status === 'PASSED' && figures?.restoredPoint !== undefined && { restoredPoint: figures.restoredPoint }),
  };
}
