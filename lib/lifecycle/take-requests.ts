import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import pLimit from 'p-limit';
import type { CatalogClient } from '../catalog/client.ts';
import type { Settlement } from '../catalog/queries/settle-requests.ts';
import type { TakenRequest } from '../catalog/queries/take-requests.ts';
import type { HoldfastConfig } from '../config/config.ts';
import type { MachineKind, Runtime } from '../config/runtime.ts';
import { errorTable } from '../core/error-table.ts';
import { asHoldfastError, describeError, HoldfastError } from '../core/errors.ts';
import type { Failure } from '../core/failure.ts';
import { targetNameSchema } from '../core/ids.ts';
import { leaseKey } from '../core/object-keys.ts';
import { methodSchema } from '../core/vocabulary.ts';
import { leaseHolder } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import { declareSchedules } from './declare-schedules.ts';
import { declareTargets } from './declare-targets.ts';
import { endLostRequests } from './end-lost-requests.ts';
import { endUnapproved } from './end-unapproved.ts';
import { measureQueue } from './measure-queue.ts';
import { passOnDecisions } from './pass-on-decisions.ts';
import type { Recorder } from './recorder.ts';
import { recordRequestFailure } from './request-failure.ts';

export type TakeDependencies = {
  readonly config: HoldfastConfig;
  readonly machines: Runtime['machines'];
  readonly store: Store;
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly executions: SFNClient;
  readonly clock: () => Date;
  readonly log: { info(message: string): void; warn(message: string): void };
};

export type Taken = {
  readonly started: number;
  /** Behind a run of the same target and method. */
  readonly waiting: number;
  /** Cannot be started, now or ever; their rows say why. */
  readonly failed: number;
  readonly targetsDeclared: boolean;
};

const batchSize = 50;
const mostBatches = 4;
const startsAtATime = 5;

/** A request waits this long behind other runs. Longer, and somebody has to know. */
const longestWaitMs = 6 * 3600 * 1000;

/** What passes (a throttled call, a store that is away) is tried again as often, some 90 seconds apart. */
const mostStarts = 10;

/**
 * Starts what was asked for by SQL and is due.
 *
 * Order, and what a crash after each step leaves. The catalog hands a request out (handed out again after 90 seconds); its events go into the
 * journal (write-once: the same again); its execution is started under a name that only it has (started once, however often it is tried); the
 * catalog is told. So a request is one run, and a run that was started is followed even by a dispatcher that did not start it.
 */
export async function takeRequests(dependencies: TakeDependencies): Promise<Taken> {
  const { catalog } = dependencies;
  const targetsDeclared = await declareTargets(dependencies);
  await declareSchedules({ ...dependencies, record: (event) => dependencies.recorder.record(event) });
  await endUnapproved(dependencies);
  await passOnDecisions(dependencies);
  await endLostRequests(dependencies);
  const settled: Settlement[] = [];
  const limit = pLimit(startsAtATime);
  for (let batch = 0; batch < mostBatches; batch++) {
    const taken = await catalog.takeRequests(batchSize);
    const outcomes = await Promise.all(taken.map((request) => limit(() => settlementOf(dependencies, request))));
    const told = outcomes.filter((outcome) => outcome !== undefined);
    if (told.length > 0) await catalog.settleRequests(told);
    settled.push(...told);
    // What waits would be handed out again at once.
    if (taken.length < batchSize || told.some(({ outcome }) => outcome === 'waiting')) break;
  }
  await measureQueue(catalog);
  const count = (outcome: Settlement['outcome']): number => settled.filter((one) => one.outcome === outcome).length;
  return { started: count('started'), waiting: count('waiting'), failed: count('failed'), targetsDeclared };
}

/** Undefined when nothing can be said yet: the request is handed out again in a while. */
async function settlementOf(dependencies: TakeDependencies, request: TakenRequest): Promise<Settlement | undefined> {
  const { log, clock } = dependencies;
  const { requestId, attempts, dueAt, execution } = request;
  try {
    const holder = await waitsFor(dependencies, request);
    if (holder !== undefined) {
      if (clock().getTime() - Date.parse(dueAt) > longestWaitMs)
        throw new HoldfastError(
          'lease-held',
          `the request waited for 6 hours, and its lease is still held by ${holder}`,
        );
      return { requestId, outcome: 'waiting', reason: holder };
    }
    await start(dependencies, request);
    log.info(`request '${requestId}' is execution '${execution}'`);
    return { requestId, outcome: 'started' };
  } catch (error) {
    const { message, code } = asHoldfastError(error);
    log.warn(`request '${requestId}' was not started: [${code}] ${message}`);
    if (!isPermanent(error) && attempts < mostStarts) return undefined;
    const failure: Failure = describeError(error);
    await recordRequestFailure(dependencies, request, failure);
    return { requestId, outcome: 'failed', failure };
  }
}

/** The holder of a lease that a run of this request would need; asked for, because a run that finds it held fails. */
async function waitsFor(
  { store, clock }: TakeDependencies,
  { kind, target, method }: TakenRequest,
): Promise<string | undefined> {
  if (kind !== 'backup' || target === null || method === null) return undefined;
  return leaseHolder(store, leaseKey(targetNameSchema.parse(target), methodSchema.parse(method)), clock);
}

async function start(
  { config, machines, recorder, executions }: TakeDependencies,
  request: TakenRequest,
): Promise<void> {
  const { target, machine, execution, input, events } = request;
  const stateMachineArn = machines[machine as MachineKind];
  if (stateMachineArn === undefined)
    throw new HoldfastError('config-invalid', `this installation has no '${machine}' state machine any more`);
  if (target !== null && config.targets.every(({ name }) => name !== target))
    throw new HoldfastError('target-unknown', `target '${target}' is not configured any more`);
  for (const event of events) await recorder.record(event);
  try {
    await executions.send(
      new StartExecutionCommand({ stateMachineArn, name: execution, input: JSON.stringify(input) }),
    );
  } catch (error) {
    // Nobody else has this name: an earlier try was heard, and its answer was not.
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
  }
}

/** What Step Functions says of requests that no repetition makes better. */
const refusals = new Set([
  'AccessDeniedException',
  'InvalidArn',
  'InvalidExecutionInput',
  'InvalidName',
  'StateMachineDoesNotExist',
]);

const isPermanent = (error: unknown): boolean =>
  error instanceof HoldfastError
    ? !errorTable[error.code].retryable
    : error instanceof Error && refusals.has(error.name);
