import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import { scheduleSettingsSchema } from '../../core/journal.ts';
import { requesterSchema } from '../../core/manifest.ts';
import type { ScheduleChanged } from '../../core/schedules.ts';
import { engineSchema, methodSchema, tierSchema } from '../../core/vocabulary.ts';
import { requireSchedule } from '../../lifecycle/change-schedule.ts';
import { invokeFunction } from '../../lifecycle/invoke-function.ts';
import { type ScheduleOverview, scheduleOverview } from '../../lifecycle/schedule-overview.ts';
import type { ScheduleRequest } from '../../lifecycle/schedule-requests.ts';
import { upkeepOverview } from '../../lifecycle/upkeep-overview.ts';
import { claimKey } from '../idempotency.ts';
import { type Call, route } from '../route.ts';
import { timeSchema } from '../time.ts';

const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,79}$/, "is not a schedule's name");
const byName = z.strictObject({ schedule: nameSchema });

const overviewSchema = z
  .strictObject({
    name: z.string(),
    target: targetNameSchema,
    engine: engineSchema,
    method: methodSchema,
    tier: tierSchema,
    retentionDays: z.number().int(),
    tenant: z.string().nullable(),
    cron: z.string(),
    timezone: z.string(),
    enabled: z.boolean(),
    configured: z
      .strictObject({ cron: z.string(), timezone: z.string(), enabled: z.boolean() })
      .describe('What a reset would bring back'),
    changed: z
      .strictObject({ at: timeSchema, by: requesterSchema })
      .nullable()
      .describe('Who changed it last; null: as configured'),
    lastRun: z
      .strictObject({
        backupId: backupIdSchema,
        scheduledTime: timeSchema,
        lateSeconds: z.number(),
        status: z.enum(['REQUESTED', 'RUNNING', 'COMPLETED', 'FAILED']),
        endedAt: timeSchema.nullable(),
        error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
      })
      .nullable(),
    nextRuns: z.array(timeSchema).describe('None while it is disabled'),
  })
  .meta({ id: 'Schedule' });

const upkeepSchema = z
  .strictObject({
    name: z.string(),
    does: z.string(),
    enabled: z.boolean(),
    when: z.union([
      z.strictObject({ cron: z.string(), timezone: z.string() }),
      z.strictObject({ everyMinutes: z.number().int() }),
    ]),
    lastRun: z
      .strictObject({ at: timeSchema, outcome: z.string() })
      .nullable()
      .describe('Null: not yet, or it leaves nothing behind by which that could be known'),
    nextRuns: z.array(timeSchema).describe('Of a cron that is enabled'),
  })
  .meta({ id: 'UpkeepSchedule' });

const changeErrors = [
  'schedule-unknown',
  'idempotency-key-reused',
  'function-unavailable',
  'store-unavailable',
] as const;

export const scheduleRoutes = [
  route({
    method: 'GET',
    path: '/schedules',
    operationId: 'listSchedules',
    tag: 'schedules',
    summary: 'Every schedule with its last run and its next ones',
    query: z.strictObject({
      hours: z
        .string()
        .regex(/^[1-9]\d{0,2}$/, 'is not a number of hours from 1 to 999')
        .transform(Number)
        .optional()
        .meta({ override: { type: 'integer', minimum: 1, maximum: 999, pattern: undefined } })
        .describe('All runs of so many hours from now, instead of the next three'),
    }),
    answer: {
      status: 200,
      description: 'All of them, by name',
      schema: z
        .strictObject({
          schedules: z.array(overviewSchema),
          upkeep: z.array(upkeepSchema).describe('What Holdfast does by itself beside backups'),
        })
        .meta({ id: 'ScheduleList' }),
    },
    errors: [],
    run: async (call) => {
      const schedules = await scheduleOverview(call, call.query);
      const upkeep = await upkeepOverview({ ...call, warn: (message) => call.log.warn(message) }, call.query);
      return { value: { schedules: schedules.map(mutable), upkeep: structuredClone(upkeep) as never } };
    },
  }),
  route({
    method: 'GET',
    path: '/schedules/{schedule}',
    operationId: 'getSchedule',
    tag: 'schedules',
    summary: 'One schedule',
    params: byName,
    answer: { status: 200, description: 'The schedule', schema: overviewSchema },
    errors: ['schedule-unknown'],
    run: async (call) => ({ value: await overviewOf(call, call.params.schedule) }),
  }),
  route({
    method: 'PATCH',
    path: '/schedules/{schedule}',
    operationId: 'changeSchedule',
    tag: 'schedules',
    summary: 'Changes when a schedule runs, or whether it does',
    description: 'It stays so whatever is deployed, until it is reset.',
    params: byName,
    body: scheduleSettingsSchema
      .partial()
      .refine((set) => Object.keys(set).length > 0, 'say what to change: cron, timezone or enabled')
      .meta({ id: 'ScheduleChange', override: { minProperties: 1 } }),
    answer: { status: 200, description: 'The schedule as it is now', schema: overviewSchema },
    errors: changeErrors,
    run: async (call) => ({ value: await change(call, call.params.schedule, call.body) }),
  }),
  route({
    method: 'DELETE',
    path: '/schedules/{schedule}/changes',
    operationId: 'resetSchedule',
    tag: 'schedules',
    summary: 'Brings a schedule back to what the configuration says',
    params: byName,
    answer: { status: 200, description: 'The schedule as it is now', schema: overviewSchema },
    errors: changeErrors,
    run: async (call) => ({ value: await change(call, call.params.schedule, 'as-configured') }),
  }),
];

async function change(
  call: Call<unknown, unknown, unknown>,
  schedule: string,
  set: ScheduleChanged['set'],
): Promise<z.infer<typeof overviewSchema>> {
  const { config, runtime, lambda, store, key, caller, clock } = call;
  requireSchedule(config, schedule);
  const wish = { key, caller: caller.name, operation: 'changeSchedule', request: { schedule, set } };
  const { id } = await claimKey(store, wish, clock());
  if (runtime.schedulesFunction === undefined)
    throw new HoldfastError('internal', 'the function that changes schedules is not known here');
  const request: ScheduleRequest = { operation: 'change', schedule, set, change: id, requestedBy: caller };
  await invokeFunction(lambda, runtime.schedulesFunction, request);
  return overviewOf(call, schedule);
}

async function overviewOf(
  call: Call<unknown, unknown, unknown>,
  schedule: string,
): Promise<z.infer<typeof overviewSchema>> {
  requireSchedule(call.config, schedule);
  const found = (await scheduleOverview(call)).find(({ name }) => name === schedule);
  if (found === undefined) throw new HoldfastError('internal', `schedule '${schedule}' has no overview`);
  return mutable(found);
}

const mutable = (overview: ScheduleOverview): z.infer<typeof overviewSchema> => structuredClone(overview) as never;
