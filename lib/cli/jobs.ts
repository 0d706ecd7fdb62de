import type { SFNClient } from '@aws-sdk/client-sfn';
import { requireTarget } from '../config/config.ts';
import type { MachineKind } from '../config/runtime.ts';
import type { CleanupProgress, CleanupRequest, CleanupRun, CleanupTotals } from '../core/cleanup.ts';
import { HoldfastError } from '../core/errors.ts';
import type {
  BackupRequest,
  BackupRun,
  RestoreRequest,
  RestoreRun,
  RestoreTestRequest,
  RestoreTestRun,
} from '../core/requests.ts';
import { type RestoreProof, weakestProof } from '../core/restore-proof.ts';
import {
  machineOfRestore,
  type Started,
  startBackup,
  startCleanup,
  startRestore,
  startRestoreTest,
} from '../lifecycle/start.ts';
import type { CliContext } from './context.ts';
import { followExecution } from './follow-execution.ts';
import { duration, oneLine } from './output.ts';

/** State machines to run jobs on: those of a local stack, or those in an AWS account. */
export type Machines = {
  readonly client: SFNClient;
  readonly pollMs: number;
  /** Do they go on when this command ends? */
  readonly goOn: boolean;
  readonly arnOf: (kind: MachineKind) => Promise<string>;
  /** Shows the progress of an execution's task until the returned function is called. @default - only its states are shown */
  readonly followProgress?: (execution: string) => () => void;
};

export type Job<Run> = Started & { readonly run: Run };

/** Starts a backup and watches it to its end, a line for every state. Rejects with the failure that the execution ended with. */
export async function runBackupJob(
  context: CliContext,
  machines: Machines,
  request: BackupRequest,
): Promise<Job<BackupRun>> {
  return watch(context, machines, await startBackup(machines.client, await machines.arnOf('backup'), request));
}

/** What ends a restore, and what ends a recovery. */
type Restored = { readonly run: RestoreRun } & (
  | { readonly record: { readonly result: { readonly proof?: RestoreProof } } }
  | {
      readonly verification: { readonly copies: readonly { readonly proof?: RestoreProof }[] };
      readonly handOver: { readonly next: readonly string[] };
    }
);

/** As `runBackupJob`, for a restore or recovery; with what was done to prove it, and what to type next, as far as that is known. */
export async function runRestoreJob(
  context: CliContext,
  machines: Machines,
  request: RestoreRequest,
): Promise<Job<RestoreRun> & { readonly proof: RestoreProof | undefined; readonly next: readonly string[] }> {
  const receiver = request.into ?? request.target;
  const into = receiver === undefined ? undefined : requireTarget(await context.config(), receiver);
  const kind = machineOfRestore(request, into);
  const started = await startRestore(machines.client, { kind, machine: await machines.arnOf(kind) }, request);
  const ended = await follow<Restored>(context, machines, started);
  const { run } = ended;
  if ('record' in ended) return { ...started, run, proof: ended.record.result.proof, next: [] };
  const proof = weakestProof(ended.verification.copies);
  return { ...started, run, proof, next: ended.handOver.next };
}

/** As `runBackupJob`, for a restore test. There is no run when there was nothing to test. */
export async function runRestoreTestJob(
  context: CliContext,
  machines: Machines,
  request: RestoreTestRequest,
): Promise<Job<RestoreTestRun | undefined>> {
  const started = await startRestoreTest(machines.client, await machines.arnOf('restore-test'), request);
  return watch(context, machines, started);
}

/** As `runBackupJob`, for a cleanup; with what it did. */
export async function runCleanupJob(
  context: CliContext,
  machines: Machines,
  request: CleanupRequest,
): Promise<Job<CleanupRun> & { readonly totals: CleanupTotals }> {
  const started = await startCleanup(machines.client, await machines.arnOf('cleanup'), request);
  const { run, progress } = await follow<{ readonly run: CleanupRun; readonly progress: CleanupProgress }>(
    context,
    machines,
    started,
  );
  return { ...started, run, totals: progress.totals };
}

async function watch<Run>(context: CliContext, machines: Machines, started: Started): Promise<Job<Run>> {
  return { ...started, run: (await follow<{ readonly run: Run }>(context, machines, started)).run };
}

/** The output of the execution, once it has ended well. */
async function follow<End>({ output, signal }: CliContext, machines: Machines, started: Started): Promise<End> {
  const endProgress = machines.followProgress?.(started.name);
  const ended = await followExecution(machines.client, started.arn, {
    signal,
    pollMs: machines.pollMs,
    entered: (state) => output.status(state),
    waiting: ({ failure, attempts, waitSeconds }) =>
      output.line(
        `  attempt ${attempts} failed: [${failure.code}] ${oneLine(failure.message)}; the next in ${duration(waitSeconds)}`,
      ),
    left: ({ name, seconds }) => output.line(`  ${name.padEnd(36)} ${duration(seconds).padStart(9)}`),
  })
    .catch((error: unknown) => {
      if (signal.aborted) throw noLongerWatched(started, machines);
      throw isGone(error) ? stackGone(started, error) : error;
    })
    .finally(() => endProgress?.());
  if (ended.failure) throw ended.failure;
  return ended.output as End;
}

/** Ctrl-C ends this command. It ends the execution only where the state machines end with it. */
function noLongerWatched({ arn }: Started, { goOn }: Machines): HoldfastError {
  return goOn
    ? new HoldfastError('stopped', `this command was stopped; execution ${arn} goes on`, {
        hint: "'holdfast list' shows the backup when it is complete",
      })
    : new HoldfastError('stopped', `execution ${arn} was stopped`, {
        hint: 'run it again; if a lease could not be given back in time, it runs out by itself within 15 minutes',
      });
}

/** Nobody listens any more where the stack was: it was killed, or its machine's owner stopped it. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET');

function stackGone({ arn }: Started, cause: unknown): HoldfastError {
  return new HoldfastError('stopped', `the local stack ended while execution ${arn} ran`, {
    hint: 'run it again; what the stack left unfinished shows as failed after its next start, which also gives its lease back',
    cause,
  });
}
