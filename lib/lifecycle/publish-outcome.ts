import { type Failure, isDeclined } from '../core/failure.ts';
import { kindOfFailure } from '../core/find-problems.ts';
import { type AnyRun, operationOf } from '../core/requests.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { type EventSender, putEvent } from './put-event.ts';

type Ended = {
  readonly run: AnyRun;
  readonly validation?: { readonly plainBytes: number; readonly storedBytes: number } | undefined;
  /** What recording it has found out. */
  readonly recorded?:
    | { readonly rtoSeconds?: number | undefined; readonly rpoSeconds?: number | undefined }
    | undefined;
  readonly failure?: Failure | undefined;
};

/** Tells the world how a run ended: metrics for alarms and dashboards, and an event on the default bus, where alerts are routed from. */
export async function publishOutcome(sender: EventSender, ended: Ended): Promise<{ readonly event: string }> {
  const { run, validation, recorded, failure } = ended;
  const beganAt = ('recoveryId' in run ? run.beganAt : undefined) ?? run.requestedAt;
  const seconds = (sender.clock().getTime() - new Date(beganAt).getTime()) / 1000;
  const isGivenUp = isDeclined(failure?.code);
  if (!isGivenUp) measure(ended, seconds);

  const { kind, ...about } = describe(run);
  const detailType = isGivenUp ? 'Recovery Declined' : `${kind} ${failure ? 'Failed' : 'Completed'}`;
  const detail = {
    operation: operationOf(run),
    target: run.target,
    ...about,
    execution: run.execution,
    seconds: Math.round(seconds),
    ...(recorded ?? {}),
    ...(validation ?? {}),
    ...(failure ?? {}),
  };
  await putEvent(sender, detailType, detail);
  return { event: detailType };
}

function describe(run: AnyRun): { readonly kind: string; readonly [field: string]: string } {
  if ('recoveryId' in run) return { kind: 'Restore', backupId: run.backupId, into: run.into };
  if ('validationId' in run) return { kind: 'Restore Test', backupId: run.backupId };
  return { kind: 'Backup', method: run.method, tier: run.tier };
}

function measure({ run, validation, recorded, failure }: Ended, seconds: number): void {
  const { rtoSeconds, rpoSeconds } = recorded ?? {};
  const rto = rtoSeconds === undefined ? {} : { RtoAttained: rtoSeconds };
  if ('recoveryId' in run) {
    const ended = failure ? { RestoreFailed: 1 } : { RestoreSucceeded: 1 };
    emitMetrics({ Target: run.into }, { ...ended, RestoreDuration: seconds, ...rto });
  } else if ('validationId' in run) {
    const ended = failure ? { RestoreTestFailed: 1 } : { RestoreTestPassed: 1 };
    emitMetrics({ Target: run.target }, { ...ended, RestoreTestDuration: seconds, ...rto });
  } else {
    const ended = failure ? { BackupFailed: 1 } : { BackupSucceeded: 1 };
    const isInvalid = failure !== undefined && kindOfFailure(failure.code) === 'validation-failed';
    const sizes = validation
      ? { BackupPlainBytes: validation.plainBytes, BackupStoredBytes: validation.storedBytes }
      : {};
    emitMetrics(
      { Target: run.target, Method: run.method },
      {
        ...ended,
        BackupDuration: seconds,
        ...sizes,
        ...(isInvalid ? { BackupValidationFailed: 1 } : {}),
      },
    );
    if (rpoSeconds !== undefined) emitMetrics({ Target: run.target }, { RpoAttained: rpoSeconds });
  }
}
