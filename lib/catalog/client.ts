import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';
import type { ApprovalWait } from './queries/await-approval.ts';
import type { ExecutionFilter } from './queries/list-executions.ts';
import type { RecoveryFilter } from './queries/list-recoveries.ts';
import type { ValidationFilter } from './queries/list-validations.ts';
import type { Series } from './queries/newest-per-series.ts';
import type { RecoveryToQueue } from './queries/request-recovery.ts';
import type { Settlement } from './queries/settle-requests.ts';
import type { CatalogAnswers, CatalogRequest, RequestOf } from './requests.ts';

/**
 * The catalog as everything outside its Lambda sees it. Every method fails with `catalog-unavailable` (retryable) when the Lambda or
 * the database behind it cannot be reached; all are safe to repeat, and a request that was handed out twice is settled twice.
 */
export type CatalogClient = {
  /**
   * Applies events, in any order, each once. More than fit a Lambda's payload go in several invocations. When `signal` fires it is no longer
   * waited for (`catalog-unavailable`), and what was sent may be applied all the same.
   */
  apply(events: readonly JournalEvent[], options?: { readonly signal?: AbortSignal }): Promise<CatalogAnswers['apply']>;
  /** Those of the journal keys whose events the catalog has not seen. */
  unapplied(keys: readonly string[]): Promise<CatalogAnswers['unapplied']>;
  /** Backups as they stand now, newest first. */
  list(filter?: ExecutionFilter): Promise<CatalogAnswers['list']>;
  /** All stages of one backup, oldest first; empty when the catalog does not know it. */
  show(backupId: BackupId): Promise<CatalogAnswers['show']>;
  /** The newest completed backup of each target and tier. */
  lastCompleted(): Promise<CatalogAnswers['last-completed']>;
  /** Of each series: the run that ended last, and the newest complete backup. */
  newest(series: readonly Series[]): Promise<CatalogAnswers['newest']>;
  /** The schedules that are declared now, by name. */
  declaredSchedules(): Promise<CatalogAnswers['schedules']>;
  /** Recoveries as they stand now, newest first. */
  recoveries(filter?: RecoveryFilter): Promise<CatalogAnswers['recoveries']>;
  /** Looks that were taken at backups, newest first. */
  validations(filter?: ValidationFilter): Promise<CatalogAnswers['validations']>;
  /**
   * Complete backups that restorable points are made of: of each target the newest so many that are not known to be bad, the newest verified
   * one and the newest of all; and each target's last restore test.
   */
  knownBackups(targets: readonly TargetName[], perTarget: number): Promise<CatalogAnswers['known-backups']>;
  /** What the configuration was declared to be; null when it never was. */
  declaredTargets(): Promise<CatalogAnswers['declared-targets']>;
  /** Hands out requests made by SQL that are due. Each has to be settled, or is handed out again in a while. */
  takeRequests(limit?: number): Promise<CatalogAnswers['take-requests']>;
  /** Queues a recovery that was asked for elsewhere than by SQL; asked again under the same id, nothing happens. */
  requestRecovery(recovery: RecoveryToQueue): Promise<CatalogAnswers['request-recovery']>;
  /** Lets a recovery run that waits for a second person. Rejects with `recovery-unknown`, `approval-expired` or `approval-refused`. */
  approveRecovery(approval: RequestOf<'approve-recovery'>['approval']): Promise<CatalogAnswers['approve-recovery']>;
  /** Ends a recovery that waits for a second person. Rejects as `approveRecovery`. */
  refuseRecovery(refusal: RequestOf<'refuse-recovery'>['refusal']): Promise<CatalogAnswers['refuse-recovery']>;
  /** Notes that a recovery's execution waits for a second person, and by which token it is told. */
  awaitApproval(wait: ApprovalWait): Promise<CatalogAnswers['await-approval']>;
  /** Decisions that executions have not been told yet. */
  decidedRecoveries(): Promise<CatalogAnswers['decided-recoveries']>;
  /** Forgets tokens that were answered. */
  forgetTokens(told: RequestOf<'forget-tokens'>['told']): Promise<CatalogAnswers['forget-tokens']>;
  /** Gives up recoveries that waited for an approval for longer, and hands out those whose end is still to be journaled. */
  expireApprovals(hours: number): Promise<CatalogAnswers['expire-approvals']>;
  /** Says what became of requests. */
  settleRequests(settlements: readonly Settlement[]): Promise<CatalogAnswers['settle-requests']>;
  /** Requests that were started and have not been seen to end. */
  startedRequests(): Promise<CatalogAnswers['started-requests']>;
  /** Requests made by SQL, newest first. */
  requests(limit?: number): Promise<CatalogAnswers['requests']>;
  /** Requests that are due and that nobody takes. */
  queueState(): Promise<CatalogAnswers['queue-state']>;
  migrate(): Promise<CatalogAnswers['migrate']>;
  status(): Promise<CatalogAnswers['status']>;
};

/** Events of an invocation: a request may hold 6 MB, and an event with a long list of schedules some 10 KB. */
const eventsPerInvocation = 200;

/** A client that asks the catalog Lambda. */
export function catalogClient({
  functionName,
  lambda,
}: {
  readonly functionName: string;
  readonly lambda: LambdaClient;
}): CatalogClient {
  const ask = async <Name extends keyof CatalogAnswers>(
    request: RequestOf<Name>,
    signal?: AbortSignal,
  ): Promise<CatalogAnswers[Name]> => (await invoke(lambda, functionName, request, signal)) as CatalogAnswers[Name];
  return {
    apply: async (events, { signal } = {}) => {
      let result = { applied: 0, known: 0 };
      for (let from = 0; from < events.length; from += eventsPerInvocation) {
        const { applied, known } = await ask<'apply'>(
          { operation: 'apply', events: events.slice(from, from + eventsPerInvocation) },
          signal,
        );
        result = { applied: result.applied + applied, known: result.known + known };
      }
      return result;
    },
    unapplied: (keys) => ask<'unapplied'>({ operation: 'unapplied', keys: [...keys] }),
    list: (filter = {}) => ask<'list'>({ operation: 'list', ...filter }),
    show: (backupId) => ask<'show'>({ operation: 'show', backupId }),
    lastCompleted: () => ask<'last-completed'>({ operation: 'last-completed' }),
    newest: (series) => ask<'newest'>({ operation: 'newest', series: [...series] }),
    declaredSchedules: () => ask<'schedules'>({ operation: 'schedules' }),
    recoveries: (filter = {}) => ask<'recoveries'>({ operation: 'recoveries', ...filter }),
    validations: (filter = {}) => ask<'validations'>({ operation: 'validations', ...filter }),
    knownBackups: (targets, perTarget) =>
      ask<'known-backups'>({ operation: 'known-backups', targets: [...targets], perTarget }),
    declaredTargets: () => ask<'declared-targets'>({ operation: 'declared-targets' }),
    takeRequests: (limit) => ask<'take-requests'>({ operation: 'take-requests', ...(limit && { limit }) }),
    requestRecovery: (recovery) => ask<'request-recovery'>({ operation: 'request-recovery', recovery }),
    approveRecovery: (approval) => ask<'approve-recovery'>({ operation: 'approve-recovery', approval }),
    refuseRecovery: (refusal) => ask<'refuse-recovery'>({ operation: 'refuse-recovery', refusal }),
    awaitApproval: (wait) => ask<'await-approval'>({ operation: 'await-approval', wait }),
    decidedRecoveries: () => ask<'decided-recoveries'>({ operation: 'decided-recoveries' }),
    forgetTokens: (told) => ask<'forget-tokens'>({ operation: 'forget-tokens', told }),
    expireApprovals: (hours) => ask<'expire-approvals'>({ operation: 'expire-approvals', hours }),
    settleRequests: (settlements) =>
      ask<'settle-requests'>({ operation: 'settle-requests', settlements: [...settlements] }),
    startedRequests: () => ask<'started-requests'>({ operation: 'started-requests' }),
    requests: (limit) => ask<'requests'>({ operation: 'requests', ...(limit && { limit }) }),
    queueState: () => ask<'queue-state'>({ operation: 'queue-state' }),
    migrate: () => ask<'migrate'>({ operation: 'migrate' }),
    status: () => ask<'status'>({ operation: 'status' }),
  };
}

async function invoke(
  lambda: LambdaClient,
  functionName: string,
  request: CatalogRequest,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  let text: string;
  let functionError: string | undefined;
  try {
    const reply = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(request)) }),
      signal === undefined ? {} : { abortSignal: signal },
    );
    text = Buffer.from(reply.Payload ?? []).toString('utf8');
    functionError = reply.FunctionError;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('catalog-unavailable', `catalog function '${functionName}' cannot be invoked: ${why}`, {
      cause,
    });
  }
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  if (functionError !== undefined) throw errorOfFunction(functionName, value);
  return value;
}

/** A Lambda reports an error by its name, which for ours is the code; any other (a time-out, a crash) leaves the catalog unreached. */
function errorOfFunction(functionName: string, value: unknown): HoldfastError {
  const { errorType = 'unknown', errorMessage = '' } = (value ?? {}) as {
    readonly errorType?: string;
    readonly errorMessage?: string;
  };
  return Object.hasOwn(errorTable, errorType)
    ? new HoldfastError(errorType as ErrorCode, errorMessage)
    : new HoldfastError(
        'catalog-unavailable',
        `catalog function '${functionName}' ended: ${errorType}: ${errorMessage}`,
      );
}
