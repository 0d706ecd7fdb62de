import { randomBytes } from 'node:crypto';
import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Target } from '../config/config.ts';
import type { CleanupRequest } from '../core/cleanup.ts';
import { HoldfastError } from '../core/errors.ts';
import { executionArnOf } from '../core/execution-arn.ts';
import { compactTime } from '../core/ids.ts';
import type { BackupRequest, RestoreRequest, RestoreTestRequest } from '../core/requests.ts';

export type Started = { readonly name: string; readonly arn: string };

/** What an execution is called after: when it was asked for, and what tells it from others of that second. */
export type Named = { readonly at: Date; readonly tail: string };

/** Starts the backup state machine. With the same `named`, a second start is the first. */
export function startBackup(
  client: SFNClient,
  machine: string | undefined,
  request: BackupRequest,
  named?: Named,
): Promise<Started> {
  return start(client, { machine, what: `${request.target}-backup`, input: request, named });
}

/**
 * The state machine that a restore runs in: `recovery` where a log is to be applied, or somebody has to approve it; `into` is the target that
 * receives it, as far as that is known.
 */
export function machineOfRestore(
  { point, needsApproval }: Pick<RestoreRequest, 'point' | 'needsApproval'>,
  into: Pick<Target, 'recoveryApproval'> | undefined,
): 'restore' | 'recovery' {
  return point !== undefined || needsConsent({ needsApproval }, into) ? 'recovery' : 'restore';
}

/** Does a second person have to approve the restore before it runs? `into` is the target that receives it, as far as that is known. */
export const needsConsent = (
  { needsApproval }: Pick<RestoreRequest, 'needsApproval'>,
  into: Pick<Target, 'recoveryApproval'> | undefined,
): boolean => needsApproval === true || into?.recoveryApproval === true;

/** Starts a restore in its state machine, of that kind. With the same `named`, a second start is the first. */
export function startRestore(
  client: SFNClient,
  { kind, machine }: { readonly kind: 'restore' | 'recovery'; readonly machine: string | undefined },
  request: RestoreRequest,
  named?: Named,
): Promise<Started> {
  const what = `${request.into ?? request.target ?? 'any'}-${kind}`;
  return start(client, { machine, what, input: request, named });
}

/** Starts the restore test state machine. */
export function startRestoreTest(
  client: SFNClient,
  machine: string | undefined,
  request: RestoreTestRequest,
  named?: Named,
): Promise<Started> {
  return start(client, { machine, what: `${request.target ?? 'any'}-restore-test`, input: request, named });
}

/** Starts the cleanup state machine. */
export function startCleanup(
  client: SFNClient,
  machine: string | undefined,
  request: CleanupRequest,
  named?: Named,
): Promise<Started> {
  return start(client, { machine, what: `${request.target ?? 'all'}-cleanup`, input: request, named });
}

type Start = {
  readonly machine: string | undefined;
  readonly what: string;
  readonly input: object;
  readonly named: Named | undefined;
};

/**
 * The execution's name says what it is for and when it was asked for, within the 80 characters that Step Functions allows. One of that name that has
 * ended already is no error, as one that still runs is none.
 */
async function start(client: SFNClient, { machine, what, input, named }: Start): Promise<Started> {
  if (machine === undefined) throw new HoldfastError('internal', 'the state machine is not known here');
  const { at, tail } = named ?? { at: new Date(), tail: randomBytes(3).toString('hex') };
  const name = `${what}-${compactTime(at)}-${tail}`;
  const started = { name, arn: executionArnOf(machine, name) };
  await client
    .send(new StartExecutionCommand({ stateMachineArn: machine, name, input: JSON.stringify(input) }))
    .catch((error: unknown) => {
      if (named === undefined || !(error instanceof ExecutionAlreadyExists)) throw error;
    });
  return started;
}
