import { setTimeout as delay } from 'node:timers/promises';
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

const mostSends = 4;

type Dependencies = {
  readonly events: EventBridgeClient;
  readonly clock: () => Date;
  /** Before an event is sent a second time; doubled each time. @default 500 */
  readonly waitMilliseconds?: number;
};

/** Tells the world how a run ended: metrics for alarms and dashboards, and an event on the default bus, where alerts are routed from. */
export async function publishOutcome(
  { events, clock, waitMilliseconds = 500 }: Dependencies,
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
  const event = { Source: 'holdfast', DetailType: detailType, Detail: JSON.stringify(detail), Time: clock() };
  for (let send = 1; ; send++) {
    const { Entries: [entry] = [] } = await events.send(new PutEventsCommand({ Entries: [event] }));
    if (entry?.ErrorCode === undefined) return { event: detailType };
    // What the bus refuses inside of an answer of 200, mostly because it is busy, the SDK does not send again.
    if (send === mostSends)
      throw new HoldfastError('internal', `the event bus refused '${detailType}': ${entry.ErrorCode}`);
    await delay(waitMilliseconds * 2 ** (send - 1));
  }
}
