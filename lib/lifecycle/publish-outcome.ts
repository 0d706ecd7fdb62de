import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { HoldfastError } from '../core/errors.ts';
import type { Failure } from '../core/failure.ts';
import { type AnyRun, operationOf } from '../core/requests.ts';
import { emitMetrics } from '../observe/metrics.ts';

type Ended = {
  readonly run: AnyRun;
  readonly validation?: { readonly plainBytes: number; readonly storedBytes: number } | undefined;
  readonly failure?: Failure | undefined;
};

/** Tells the world how a run ended: metrics for alarms and dashboards, and an event on the default bus, where alerts are routed from. */
export async function publishOutcome(
  { events, clock }: { readonly events: EventBridgeClient; readonly clock: () => Date },
  { run, validation, failure }: Ended,
): Promise<{ readonly event: string }> {
  const kind = 'recoveryId' in run ? 'Restore' : 'Backup';
  const seconds = (clock().getTime() - new Date(run.requestedAt).getTime()) / 1000;
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
  const answer = await events.send(
    new PutEventsCommand({
      Entries: [{ Source: 'holdfast', DetailType: detailType, Detail: JSON.stringify(detail), Time: clock() }],
    }),
  );
  const refused = answer.Entries?.find((entry) => entry.ErrorCode !== undefined);
  if (refused) throw new HoldfastError('internal', `the event bus refused '${detailType}': ${refused.ErrorCode}`);
  return { event: detailType };
}
