import { randomBytes } from 'node:crypto';
import { type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { CleanupRequest } from '../core/cleanup.ts';
import { HoldfastError } from '../core/errors.ts';
import { compactTime } from '../core/ids.ts';
import type { BackupRequest, RestoreRequest, RestoreTestRequest } from '../core/requests.ts';

export type Started = { readonly name: string; readonly arn: string };

/** Starts the backup state machine. */
export function startBackup(client: SFNClient, machine: string | undefined, request: BackupRequest): Promise<Started> {
  return start(client, machine, `${request.target}-backup`, request);
}

/** Starts the restore state machine. */
export function startRestore(
  client: SFNClient,
  machine: string | undefined,
  request: RestoreRequest,
): Promise<Started> {
  return start(client, machine, `${request.into ?? request.target ?? 'any'}-restore`, request);
}

/** Starts the restore test state machine. */
export function startRestoreTest(
  client: SFNClient,
  machine: string | undefined,
  request: RestoreTestRequest,
): Promise<Started> {
  return start(client, machine, `${request.target ?? 'any'}-restore-test`, request);
}

/** Starts the cleanup state machine. */
export function startCleanup(
  client: SFNClient,
  machine: string | undefined,
  request: CleanupRequest,
): Promise<Started> {
  return start(client, machine, `${request.target ?? 'all'}-cleanup`, request);
}

/** The execution's name says what it is for and when it was asked for, within the 80 characters that Step Functions allows. */
async function start(client: SFNClient, machine: string | undefined, what: string, input: object): Promise<Started> {
  if (machine === undefined) throw new HoldfastError('internal', 'the state machine is not known here');
  const name = `${what}-${compactTime(new Date())}-${randomBytes(3).toString('hex')}`;
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn: machine, name, input: JSON.stringify(input) }),
  );
  if (executionArn === undefined) throw new HoldfastError('internal', 'the execution was started without an answer');
  return { name, arn: executionArn };
}
