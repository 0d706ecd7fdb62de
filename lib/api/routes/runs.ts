import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  ExecutionDoesNotExist,
  InvalidArn,
  InvalidToken,
  ListExecutionsCommand,
} from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { executionArnOf } from '../../core/execution-arn.ts';
import { type Failure, failureOf } from '../../core/failure.ts';
import { backupIdSchema } from '../../core/ids.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { timeSchema } from '../time.ts';

const kindSchema = z.enum(['backup', 'restore', 'recovery', 'restore-test', 'cleanup']);
type RunKind = z.infer<typeof kindSchema>;

const statusSchema = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE']);

/** A run as a list shows it. */
const summarySchema = z
  .strictObject({
    kind: kindSchema,
    name: z.string().describe('Of its execution, in the state machine of its kind'),
    status: statusSchema,
    beganAt: timeSchema,
    endedAt: timeSchema.nullable(),
    redriveCount: z.number().int(),
  })
  .meta({ id: 'RunSummary' });

export const runSchema = z
  .strictObject({
    ...summarySchema.shape,
    operation: backupIdSchema
      .nullable()
      .describe(
        'The backup, recovery or validation that it made, or the id of the cleanup; null until it has ended well',
      ),
    error: z
      .strictObject({ code: z.string(), message: z.string(), hint: z.string() })
      .nullable()
      .describe('Why it failed'),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof runSchema>;

const nameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,80}$/, "is not an execution's name");

export const runRoutes = [
  route({
    method: 'GET',
    path: '/runs/{kind}',
    operationId: 'listRuns',
    tag: 'runs',
    summary: 'What runs and ran of backups, restores, restore tests or cleanups in the last 90 days, newest first',
    params: z.strictObject({ kind: kindSchema }),
    query: z.strictObject({ status: statusSchema.exclude(['PENDING_REDRIVE']).optional(), ...pageSchema }),
    answer: {
      status: 200,
      description: 'A page of them',
      schema: z.strictObject({ runs: z.array(summarySchema), next: nextSchema }).meta({ id: 'RunPage' }),
    },
    errors: [],
    run: async (call) => {
      const { kind } = call.params;
      const { status, limit = defaultLimit, cursor } = call.query;
      const token = positionOf(cursor, z.string());
      const page = await call.executions
        .send(
          new ListExecutionsCommand({
            stateMachineArn: machineOf(call, kind),
            maxResults: limit,
            ...(status === undefined ? {} : { statusFilter: status }),
            ...(token === undefined ? {} : { nextToken: token }),
          }),
        )
        .catch((error: unknown) => {
          if (error instanceof InvalidToken)
            throw new HoldfastError('usage', 'the cursor is too old, or of another list');
          throw error;
        });
      const runs = (page.executions ?? []).map((execution) => summaryOf(kind, execution));
      return { value: { runs, next: page.nextToken === undefined ? null : cursorOf(page.nextToken) } };
    },
  }),
  route({
    method: 'GET',
    path: '/runs/{kind}/{name}',
    operationId: 'getRun',
    tag: 'runs',
    summary: 'How a run goes, or went',
    params: z.strictObject({ kind: kindSchema, name: nameSchema }),
    answer: { status: 200, description: 'The run', schema: runSchema },
    errors: ['run-unknown'],
    run: async (call) => ({ value: await runNamed(call, call.params.kind, call.params.name) }),
  }),
];

/** Where a run is asked for, relative to the API. */
export const runLocation = (kind: RunKind, name: string): string => `runs/${kind}/${name}`;

/** The run of that name. Throws `run-unknown`. */
export async function runNamed(dependencies: ApiDependencies, kind: RunKind, name: string): Promise<Run> {
  const machine = machineOf(dependencies, kind);
  const executionArn = executionArnOf(machine, name);
  const described = await dependencies.executions
    .send(new DescribeExecutionCommand({ executionArn }))
    .catch((error: unknown) => {
      if (error instanceof ExecutionDoesNotExist || error instanceof InvalidArn)
        throw new HoldfastError('run-unknown', `no ${kind} run is called '${name}'`);
      throw error;
    });
  return { ...summaryOf(kind, described), operation: operationIn(described.output), error: errorOf(described) };
}

function machineOf({ runtime }: ApiDependencies, kind: RunKind): string {
  const machine = runtime.machines[kind];
  if (machine === undefined) throw new HoldfastError('internal', `the ${kind} state machine is not known here`);
  return machine;
}

function summaryOf(
  kind: RunKind,
  execution: Pick<DescribeExecutionOutput, 'name' | 'status' | 'startDate' | 'stopDate' | 'redriveCount'>,
): z.infer<typeof summarySchema> {
  return {
    kind,
    name: execution.name ?? '',
    status: execution.status ?? 'RUNNING',
    beganAt: execution.startDate?.toISOString() ?? new Date(0).toISOString(),
    endedAt: execution.stopDate?.toISOString() ?? null,
    redriveCount: execution.redriveCount ?? 0,
  };
}

const outputSchema = z.union([
  z.object({ run: z.object({ recoveryId: backupIdSchema }) }).transform(({ run }) => run.recoveryId),
  z.object({ run: z.object({ validationId: backupIdSchema }) }).transform(({ run }) => run.validationId),
  z.object({ run: z.object({ backupId: backupIdSchema }) }).transform(({ run }) => run.backupId),
  z.object({ run: z.object({ cleanupId: backupIdSchema }) }).transform(({ run }) => run.cleanupId),
  // A run that found its slot taken.
  z.object({ duplicateOf: backupIdSchema }).transform(({ duplicateOf }) => duplicateOf),
]);

function operationIn(output: string | undefined): Run['operation'] {
  return output === undefined ? null : (outputSchema.safeParse(JSON.parse(output)).data ?? null);
}

function errorOf({ status, error, cause }: DescribeExecutionOutput): Failure | null {
  if (status === 'RUNNING' || status === 'SUCCEEDED') return null;
  if (error === undefined)
    return status === 'ABORTED'
      ? { code: 'stopped', message: 'the execution was stopped', hint: 'start it again if it is still wanted' }
      : {
          code: 'deadline',
          message: `the execution ended as ${status}`,
          hint: 'the steps are in the Step Functions console',
        };
  return failureOf({ Error: error, Cause: cause ?? '' });
}
