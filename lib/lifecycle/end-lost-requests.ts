import { DescribeExecutionCommand, type ExecutionStatus, type SFNClient } from '@aws-sdk/client-sfn';
import type { CatalogClient } from '../catalog/client.ts';
import type { Settlement } from '../catalog/queries/settle-requests.ts';
import type { StartedRequest } from '../catalog/queries/started-requests.ts';
import type { MachineKind, Runtime } from '../config/runtime.ts';
import { executionArnOf } from '../core/execution-arn.ts';
import { type Failure, failureOf } from '../core/failure.ts';
import { backupIdSchema } from '../core/ids.ts';
import { endedOperation } from '../core/journal.ts';
import { journalPrefix } from '../core/object-keys.ts';
import type { Store } from '../store/store.ts';
import { orNote } from './or-note.ts';
import type { Recorder } from './recorder.ts';
import { recordRequestFailure } from './request-failure.ts';

type Dependencies = {
  readonly machines: Runtime['machines'];
  readonly store: Store;
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly executions: SFNClient;
  readonly clock: () => Date;
  readonly log: { warn(message: string): void };
};

const failedStatuses: readonly ExecutionStatus[] = ['FAILED', 'TIMED_OUT', 'ABORTED'];

/**
 * Ends requests whose execution has ended without a word in the journal: it failed before admission, was stopped by hand, or went down with its
 * machine. What the journal knows the ending of is left to the reconciler, which brings it to the catalog. Of kinds without rows of their own the
 * execution's end is the request's.
 */
export async function endLostRequests(dependencies: Dependencies): Promise<void> {
  const { catalog, log } = dependencies;
  const settlements: Settlement[] = [];
  for (const request of await catalog.startedRequests()) {
    const settlement = await orNote(log, () => endingOf(dependencies, request));
    if (settlement !== undefined) settlements.push(settlement);
  }
  if (settlements.length > 0) await catalog.settleRequests(settlements);
}

async function endingOf(dependencies: Dependencies, request: StartedRequest): Promise<Settlement | undefined> {
  const { machines, executions } = dependencies;
  const { requestId, kind, machine, execution } = request;
  const machineArn = machines[machine as MachineKind];
  if (machineArn === undefined) return undefined;
  const { status, error, cause, stopDate } = await executions.send(
    new DescribeExecutionCommand({ executionArn: executionArnOf(machineArn, execution) }),
  );
  const hasRow = kind === 'backup' || kind === 'recovery';
  if (status === 'SUCCEEDED' && !hasRow) return { requestId, outcome: 'ended' };
  if (status === undefined || !failedStatuses.includes(status)) return undefined;
  const failure = failureFrom(status, error, cause);
  if (hasRow) {
    if (await isEnded(dependencies.store, requestId)) return undefined;
    // When the execution ended, whoever looks: two that look at once write one ending.
    const clock = (): Date => stopDate ?? dependencies.clock();
    await recordRequestFailure({ ...dependencies, clock }, request, failure);
  }
  return { requestId, outcome: 'failed', failure };
}

async function isEnded(store: Store, requestId: string): Promise<boolean> {
  for await (const { key } of store.list(journalPrefix(backupIdSchema.parse(requestId))))
    if (endedOperation(key) !== undefined) return true;
  return false;
}

function failureFrom(status: ExecutionStatus, error: string | undefined, cause: string | undefined): Failure {
  if (status === 'ABORTED')
    return {
      code: 'stopped',
      message: 'the execution was stopped by hand',
      hint: "ask for it again; 'holdfast list' shows what is in the store",
    };
  return failureOf({ Error: error ?? 'States.Timeout', Cause: cause ?? '' });
}
