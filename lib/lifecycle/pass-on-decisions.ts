import {
  DescribeExecutionCommand,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import type { CatalogClient } from '../catalog/client.ts';
import type { DecidedRecovery } from '../catalog/queries/decided-recoveries.ts';
import type { MachineKind, Runtime } from '../config/runtime.ts';
import { executionArnOf } from '../core/execution-arn.ts';
import { orNote } from './or-note.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly machines: Runtime['machines'];
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly executions: SFNClient;
  readonly log: { info(message: string): void; warn(message: string): void };
};

/**
 * Tells executions that wait for a second person what was decided.
 *
 * Order, and what a crash after each step leaves. The decision goes into the journal (write-once: the same again), so that nothing runs that
 * nobody is known to have approved; the execution is told (told twice, the second time it says that it waits no more); the catalog forgets the
 * token. What an execution that is gone can no longer be told is forgotten too: its request ends as the execution did.
 */
export async function passOnDecisions(dependencies: Dependencies): Promise<void> {
  const { catalog, log } = dependencies;
  const told: { requestId: string; taskToken: string }[] = [];
  for (const decided of await catalog.decidedRecoveries()) {
    const { requestId, taskToken } = decided;
    const isOver = await orNote(log, () => passOn(dependencies, decided));
    if (isOver === true) told.push({ requestId, taskToken });
  }
  if (told.length > 0) await catalog.forgetTokens(told);
}

async function passOn({ machines, recorder, executions, log }: Dependencies, decided: DecidedRecovery): Promise<true> {
  const { requestId, taskToken, machine, execution, decision, by, events } = decided;
  for (const event of events) await recorder.record(event);
  try {
    if (decision === 'approved')
      await executions.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify({ approvedBy: by }) }));
    else
      await executions.send(
        new SendTaskFailureCommand({ taskToken, error: 'recovery-refused', cause: refusal(decided) }),
      );
    log.info(`recovery '${requestId}' was ${decision} by '${by}'`);
  } catch (error) {
    if (!(error instanceof TaskTimedOut || error instanceof InvalidToken || error instanceof TaskDoesNotExist))
      throw error;
    const machineArn = machines[machine as MachineKind];
    const { status } = machineArn
      ? await executions.send(new DescribeExecutionCommand({ executionArn: executionArnOf(machineArn, execution) }))
      : { status: undefined };
    if (status === 'RUNNING') return true; // It was told before.
    log.warn(`recovery '${requestId}' was ${decision} by '${by}', and its execution '${execution}' is gone: ${status}`);
  }
  return true;
}

function refusal({ by, events }: DecidedRecovery): string {
  const event = events.findLast((one) => one.event === 'recovery-refused');
  const reason = event?.event === 'recovery-refused' && event.reason !== undefined ? `: ${event.reason}` : '';
  return `'${by}' refused it${reason}`;
}
