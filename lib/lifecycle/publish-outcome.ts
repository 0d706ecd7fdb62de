import type { Failure } from '../core/failure.ts';
import { kindOfFailure } from '../core/find-problems.ts';
import { type AnyRun, operationOf } from '../core/requests.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { type EventSender, putEvent } from './put-event.ts';

type Ended = {
  readonly run: AnyRun;
  readonly validation?: { readonly plainBytes: number; readonly storedBytes: number } | undefined;
  readonly failure?: Failure | undefined;
};

/** Tells the world how a run ended: metrics for alarms and dashboards, and an event on the default bus, where alerts are routed from. */
export async function publishOutcome(
  sender: EventSender,
  { run, validation, failure }: Ended,
): Promise<{ readonly event: string }> {
  const kind = 'recoveryId' in run ? 'Restore' : 'Backup';
  const seconds = (sender.clock().getTime() - new Date(run.requestedAt).getTime()) / 1000;
  if ('recoveryId' in run) {
    emitMetrics(
      { Target: run.into },
      { [failure ? 'RestoreFailed' : 'RestoreSucceeded']: 1, RestoreDuration: seconds },
    );
  } else {
    emitMetrics(
      { Target: run.target, Method: run.method },
      {
        [failure ? 'BackupFailed' : 'BackupSucceeded']: 1,
        BackupDuration: seconds,
        ...(failure && kindOfFailure(failure.code) === 'validation-failed' ? { BackupValidationFailed: 1 } : {}),
        ...(validation ? { BackupPlainBytes: validation.plainBytes, BackupStoredBytes: validation.storedBytes } : {}),
      },
    );
  }

  const detailType = `${kind} ${failure ? 'Failed' : 'Completed'}`;
  const detail = {
    operation: operationOf(run),
    target: run.target,
    ...('recoveryId' in run ? { backupId: run.backupId, into: run.into } : { method: run.method, tier: run.tier }),
    execution: run.execution,
    seconds: Math.round(seconds),
    ...(validation ?? {}),
    ...(failure ?? {}),
  };
  await putEvent(sender, detailType, detail);
  return { event: detailType };
}
