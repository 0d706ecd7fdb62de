import type { Client } from 'pg';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../core/ids.ts';
import { journalEventSchema } from '../core/journal.ts';
import {
  backupStatusSchema,
  methodSchema,
  tierSchema,
  validationStatusSchema,
  validationTypeSchema,
} from '../core/vocabulary.ts';
import { type MigrationResult, migrateCatalog } from './migrate.ts';
import { type ApplyResult, applyEvents } from './project.ts';
import { awaitApproval, waitSchema } from './queries/await-approval.ts';
import { type CatalogStatus, catalogStatus } from './queries/catalog-status.ts';
import { approvalSchema, approveRecovery, refusalSchema, refuseRecovery } from './queries/decide-recovery.ts';
import { type DecidedRecovery, decidedRecoveries, forgetTokens, passedOnSchema } from './queries/decided-recoveries.ts';
import { type DeclaredTargets, declaredTargets } from './queries/declared-targets.ts';
import type { Execution } from './queries/execution-columns.ts';
import { type ExpiredApproval, expireApprovals } from './queries/expire-approvals.ts';
import { findUnapplied } from './queries/find-unapplied.ts';
import { type KnownBackups, knownBackups } from './queries/known-backups.ts';
import { lastCompleted } from './queries/last-completed.ts';
import { listExecutions } from './queries/list-executions.ts';
import { listRecoveries, type Recovery } from './queries/list-recoveries.ts';
import { listRequests, type QueuedRequest } from './queries/list-requests.ts';
import { type DeclaredSchedule, listSchedules } from './queries/list-schedules.ts';
import { listValidations, type ValidationResult } from './queries/list-validations.ts';
import { type NewestPerSeries, newestPerSeries } from './queries/newest-per-series.ts';
import { type QueueState, queueState } from './queries/queue-state.ts';
import { recoveryToQueueSchema, requestRecovery } from './queries/request-recovery.ts';
import { settlementSchema, settleRequests } from './queries/settle-requests.ts';
import { type ExecutionStage, showExecution } from './queries/show-execution.ts';
import { type StartedRequest, startedRequests } from './queries/started-requests.ts';
import { type TakenRequest, takeRequests } from './queries/take-requests.ts';

const sinceSchema = z.iso.datetime({ offset: true }).optional();
const limitSchema = z.number().int().min(1).max(1000).optional();

/** Everything that the catalog can be asked: what the catalog Lambda's event is. Unknown keys are refused. */
export const catalogRequestSchema = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('apply'), events: z.array(journalEventSchema) }),
  z.strictObject({ operation: z.literal('unapplied'), keys: z.array(z.string()) }),
  z.strictObject({
    operation: z.literal('list'),
    target: targetNameSchema.optional(),
    status: backupStatusSchema.optional(),
    since: sinceSchema,
    until: sinceSchema,
    tier: tierSchema.optional(),
    method: methodSchema.optional(),
    after: z.strictObject({ startTime: z.iso.datetime(), backupId: backupIdSchema }).optional(),
    limit: limitSchema,
  }),
  z.strictObject({ operation: z.literal('show'), backupId: backupIdSchema }),
  z.strictObject({ operation: z.literal('last-completed') }),
  z.strictObject({
    operation: z.literal('newest'),
    series: z.array(z.strictObject({ target: targetNameSchema, method: methodSchema })),
  }),
  z.strictObject({ operation: z.literal('schedules') }),
  z.strictObject({
    operation: z.literal('recoveries'),
    target: targetNameSchema.optional(),
    since: sinceSchema,
    recoveryId: backupIdSchema.optional(),
    after: z.strictObject({ startTime: z.iso.datetime(), recoveryId: backupIdSchema }).optional(),
    limit: limitSchema,
  }),
  z.strictObject({
    operation: z.literal('validations'),
    target: targetNameSchema.optional(),
    backupId: backupIdSchema.optional(),
    type: validationTypeSchema.optional(),
    status: validationStatusSchema.optional(),
    since: sinceSchema,
    after: z.strictObject({ at: z.iso.datetime(), validationId: backupIdSchema }).optional(),
    limit: limitSchema,
  }),
  z.strictObject({
    operation: z.literal('known-backups'),
    targets: z.array(targetNameSchema),
    perTarget: z.number().int().min(1).max(1000),
  }),
  z.strictObject({ operation: z.literal('declared-targets') }),
  z.strictObject({ operation: z.literal('take-requests'), limit: limitSchema }),
  z.strictObject({ operation: z.literal('request-recovery'), recovery: recoveryToQueueSchema }),
  z.strictObject({ operation: z.literal('approve-recovery'), approval: approvalSchema }),
  z.strictObject({ operation: z.literal('refuse-recovery'), refusal: refusalSchema }),
  z.strictObject({ operation: z.literal('await-approval'), wait: waitSchema }),
  z.strictObject({ operation: z.literal('decided-recoveries') }),
  z.strictObject({ operation: z.literal('forget-tokens'), told: passedOnSchema }),
  z.strictObject({ operation: z.literal('expire-approvals'), hours: z.number().positive() }),
  z.strictObject({ operation: z.literal('settle-requests'), settlements: z.array(settlementSchema) }),
  z.strictObject({ operation: z.literal('started-requests'), limit: limitSchema }),
  z.strictObject({ operation: z.literal('requests'), limit: limitSchema }),
  z.strictObject({ operation: z.literal('queue-state') }),
  z.strictObject({ operation: z.literal('migrate') }),
  z.strictObject({ operation: z.literal('status') }),
]);
export type CatalogRequest = z.infer<typeof catalogRequestSchema>;

export type RequestOf<Name extends CatalogRequest['operation']> = Extract<CatalogRequest, { operation: Name }>;

/** What each operation answers: plain JSON, so that it is the same on both sides of the Lambda. */
export type CatalogAnswers = {
  readonly apply: ApplyResult;
  readonly unapplied: readonly string[];
  readonly list: readonly Execution[];
  readonly show: readonly ExecutionStage[];
  readonly 'last-completed': readonly Execution[];
  readonly newest: NewestPerSeries;
  readonly schedules: readonly DeclaredSchedule[];
  readonly recoveries: readonly Recovery[];
  readonly validations: readonly ValidationResult[];
  readonly 'known-backups': KnownBackups;
  readonly 'declared-targets': DeclaredTargets | null;
  readonly 'take-requests': readonly TakenRequest[];
  readonly 'request-recovery': { readonly queued: boolean };
  readonly 'approve-recovery': { readonly approved: true };
  readonly 'refuse-recovery': { readonly refused: true };
  readonly 'await-approval': { readonly awaited: true };
  readonly 'decided-recoveries': readonly DecidedRecovery[];
  readonly 'forget-tokens': { readonly forgotten: number };
  readonly 'expire-approvals': readonly ExpiredApproval[];
  readonly 'settle-requests': { readonly settled: number };
  readonly 'started-requests': readonly StartedRequest[];
  readonly requests: readonly QueuedRequest[];
  readonly 'queue-state': QueueState;
  readonly migrate: MigrationResult;
  readonly status: CatalogStatus;
};

type Operations = {
  readonly [Name in keyof CatalogAnswers]: (client: Client, request: RequestOf<Name>) => Promise<CatalogAnswers[Name]>;
};

const operations: Operations = {
  apply: (client, { events }) => applyEvents(client, events),
  unapplied: (client, { keys }) => findUnapplied(client, keys),
  list: (client, filter) => listExecutions(client, filter),
  show: (client, { backupId }) => showExecution(client, backupId),
  'last-completed': (client) => lastCompleted(client),
  newest: (client, { series }) => newestPerSeries(client, series),
  schedules: (client) => listSchedules(client),
  recoveries: (client, filter) => listRecoveries(client, filter),
  validations: (client, filter) => listValidations(client, filter),
  'known-backups': (client, { targets, perTarget }) => knownBackups(client, { targets, perTarget }),
  'declared-targets': (client) => declaredTargets(client),
  'take-requests': (client, { limit }) => takeRequests(client, limit ?? 50),
  'request-recovery': (client, { recovery }) => requestRecovery(client, recovery),
  'approve-recovery': (client, { approval }) => approveRecovery(client, approval),
  'refuse-recovery': (client, { refusal }) => refuseRecovery(client, refusal),
  'await-approval': (client, { wait }) => awaitApproval(client, wait),
  'decided-recoveries': (client) => decidedRecoveries(client),
  'forget-tokens': (client, { told }) => forgetTokens(client, told),
  'expire-approvals': (client, { hours }) => expireApprovals(client, hours),
  'settle-requests': (client, { settlements }) => settleRequests(client, settlements),
  'started-requests': (client, { limit }) => startedRequests(client, limit ?? 50),
  requests: (client, { limit }) => listRequests(client, limit ?? 50),
  'queue-state': (client) => queueState(client),
  migrate: (client) => migrateCatalog(client),
  status: (client) => catalogStatus(client),
};

/** The request that `value` is. Throws `usage`, naming every problem. */
export function parseCatalogRequest(value: unknown): CatalogRequest {
  const parsed = catalogRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('usage', `not a request to the catalog: ${z.prettifyError(parsed.error)}`);
}

/** Answers a request over an open connection: the owner's for `migrate`, the writer's for all others. */
export async function answerRequest<Name extends keyof CatalogAnswers>(
  client: Client,
  request: RequestOf<Name>,
): Promise<CatalogAnswers[Name]> {
  const name = request.operation as Name;
  return operations[name](client, request);
}
