import { asHoldfastError, describeError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import { type BackupId, newOperationId, type TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { validationStatusOf } from '../core/restore-test-status.ts';
import type { Validation } from '../runner/validate.ts';
import type { Recorder } from './recorder.ts';

type Looked = {
  readonly target: TargetName;
  readonly backupId: BackupId;
  readonly depth: Validation['depth'];
  readonly requestedBy: Manifest['requestedBy'];
  readonly beganAt: Date;
  readonly endedAt: Date;
  /** Is it a step of the backup's own run? That run's completion says that it passed. @default false */
  readonly isOfItsRun?: boolean;
  /** What was found, or what kept from looking. */
  readonly result: Validation | { readonly error: unknown };
};

/**
 * Writes down that somebody looked at a backup, under an id of its own, and what that means for the backup.
 *
 * The verdict on the backup is written first: a crash after it leaves a backup that is known to be bad (or good) by a look that nobody told of,
 * which is better than a look that has said so of a backup that still counts as good. A sample that finds nothing proves nothing.
 */
export async function recordValidation(recorder: Recorder, looked: Looked): Promise<BackupId> {
  const { backupId, target, depth, requestedBy, isOfItsRun = false, result } = looked;
  const operation = newOperationId(looked.beganAt);
  const [beganAt, at] = [looked.beganAt.toISOString(), looked.endedAt.toISOString()];
  const error = 'error' in result ? describeError(asHoldfastError(result.error)) : firstProblem(result);
  const status = validationStatusOf(error?.code);
  if (status === 'FAILED' || (status === 'PASSED' && depth === 'full' && !isOfItsRun)) {
    await recorder.record({
      event: 'backup-verified',
      operation: backupId,
      at,
      tenant: null,
      verification: status === 'FAILED' ? 'FAILED' : 'VALIDATED',
      detail: error ? `${error.code}: ${error.message}` : 'read back to the last byte',
      by: depth,
      validation: operation,
    });
  }
  await recorder.record({
    event: 'validation-ended',
    operation,
    at,
    tenant: null,
    backupId,
    target,
    requestedBy,
    type: depth,
    status,
    beganAt,
    endedAt: at,
    objects: 'error' in result ? 0 : result.objects,
    readBytes: 'error' in result ? 0 : result.readBytes,
    problems: 'error' in result ? 1 : result.problems.length,
    ...(error ? { error } : {}),
  });
  return operation;
}

function firstProblem({ problems }: Validation): ReturnType<typeof describeError> | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  const { code, hint } = first as ReturnType<typeof describeError>;
  return { code, message: firstFew(problems.map(({ where, message }) => `${where}: ${message}`)), hint };
}
