import { setTimeout as delay } from 'node:timers/promises';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { HoldfastError } from '../core/errors.ts';
import type { Failure } from '../core/failure.ts';
import { type AnyRun, operationOf } from '../core/requests.ts';
import { emitMetrics } from '../observe/metrics.ts';

type Ended = {
  readonly run: AnyRun;
  readonly validation?: { readonly plainBytes: number; readonly storedBytes: number } | undefined;
  /** What recording it has found out. */
  readonly recorded?:
    | { readonly rtoSeconds?: number | undefined; readonly rpoSeconds?: number | undefined }
    | undefined;
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
  ended: Ended,
): Promise<{ readonly event: string }> {
  const { run, validation, recorded, failure } = ended;
  const seconds = (clock().getTime() - new Date(run.requestedAt).getTime()) / 1000;
  measure(ended, seconds);

  const { kind, ...about } = describe(run);
  const detailType = `${kind} ${failure ? 'Failed' : 'Completed'}`;
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
    const sizes = validation
      ? { BackupPlainBytes: validation.plainBytes, BackupStoredBytes: validation.storedBytes }
      : {};
    emitMetrics({ Target: run.target, Method: run.method }, { ...ended, BackupDuration: seconds, ...sizes });
    if (rpoSeconds !== undefined) emitMetrics({ Target: run.target }, { RpoAttained: rpoSeconds });
  }
}
