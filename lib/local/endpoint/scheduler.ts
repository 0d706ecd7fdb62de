import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { asJsonObject, type JsonObject } from '../json.ts';
import type { LocalSchedule } from '../model.ts';
import { localAccount } from '../resources/resource.ts';
import type { ScheduleBook } from '../schedules/schedule-book.ts';
import { optionalText, text } from './operation.ts';
import type { RestService } from './rest.ts';

const updateSchema = z.strictObject({
  Name: z.string(),
  GroupName: z.string().default('default'),
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.string().default('UTC'),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  FlexibleTimeWindow: z.strictObject({ Mode: z.literal('OFF') }),
  ActionAfterCompletion: z.literal('NONE').optional(),
  Description: z.string().optional(),
  ClientToken: z.string().optional(),
  Target: z.strictObject({
    Arn: z.string(),
    RoleArn: z.string(),
    Input: z.string().default('{}'),
    RetryPolicy: z
      .strictObject({
        MaximumRetryAttempts: z.number().int().default(185),
        MaximumEventAgeInSeconds: z.number().int().default(86_400),
      })
      .default({ MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 }),
    DeadLetterConfig: z.strictObject({ Arn: z.string() }).optional(),
  }),
});

/** EventBridge Scheduler (REST JSON): looking at schedules and changing them. They are made and removed by deployments only. */
export function schedulerService(book: ScheduleBook, region: string): RestService {
  const arnOf = ({ group, name }: Pick<LocalSchedule, 'group' | 'name'>): string =>
    `arn:aws:scheduler:${region}:${localAccount}:schedule/${group}/${name}`;
  const named = (input: JsonObject) => ({
    group: optionalText(input, 'groupName') ?? optionalText(input, 'GroupName') ?? 'default',
    name: text(input, 'Name'),
  });
  const operations = {
    GetSchedule: {
      action: 'scheduler:GetSchedule',
      resource: (input: JsonObject) => arnOf(named(input)),
      run: (input: JsonObject) => {
        const { group, name } = named(input);
        const schedule = book.find(group, name);
        return { Arn: arnOf(schedule), ...definitionOf(schedule) };
      },
    },
    UpdateSchedule: {
      action: 'scheduler:UpdateSchedule',
      resource: (input: JsonObject) => arnOf(named(input)),
      passes: (input: JsonObject) => ({
        roleArn: text(asJsonObject(input['Target']), 'RoleArn'),
        service: 'scheduler.amazonaws.com',
      }),
      run: (input: JsonObject) => {
        const parsed = updateSchema.safeParse(input);
        if (!parsed.success) throw new AwsError('ValidationException', z.prettifyError(parsed.error));
        const { Name, GroupName, ScheduleExpression, ScheduleExpressionTimezone, State, Target } = parsed.data;
        book.update(GroupName, Name, {
          expression: ScheduleExpression,
          timezone: ScheduleExpressionTimezone,
          isEnabled: State === 'ENABLED',
          targetArn: Target.Arn,
          roleArn: Target.RoleArn,
          input: Target.Input,
          retryAttempts: Target.RetryPolicy.MaximumRetryAttempts,
          maximumEventAgeSeconds: Target.RetryPolicy.MaximumEventAgeInSeconds,
          ...(Target.DeadLetterConfig === undefined ? {} : { deadLetterArn: Target.DeadLetterConfig.Arn }),
        });
        return { ScheduleArn: arnOf({ group: GroupName, name: Name }) };
      },
    },
    ListSchedules: {
      action: 'scheduler:ListSchedules',
      resource: () => `arn:aws:scheduler:${region}:${localAccount}:schedule/*/*`,
      run: (input: JsonObject) => page(input, book.list()),
    },
  };
  const page = (input: JsonObject, all: readonly LocalSchedule[]): JsonObject => {
    const group = optionalText(input, 'ScheduleGroup');
    const prefix = optionalText(input, 'NamePrefix') ?? '';
    const wanted = all.filter(
      (schedule) => (group === undefined || schedule.group === group) && schedule.name.startsWith(prefix),
    );
    const size = Number(optionalText(input, 'MaxResults') ?? 100);
    const from = Number(optionalText(input, 'NextToken') ?? 0);
    return {
      Schedules: wanted.slice(from, from + size).map((schedule) => ({
        Arn: arnOf(schedule),
        Name: schedule.name,
        GroupName: schedule.group,
        State: stateOf(schedule),
        Target: { Arn: schedule.targetArn },
      })),
      ...(from + size < wanted.length ? { NextToken: String(from + size) } : {}),
    };
  };
  return (method, segments) => {
    const [first, name] = segments;
    if (first !== 'schedules' || segments.length > 2) return undefined;
    const input: JsonObject = name === undefined ? {} : { Name: name };
    const operation =
      name === undefined
        ? method === 'GET' && operations.ListSchedules
        : (method === 'GET' && operations.GetSchedule) || (method === 'PUT' && operations.UpdateSchedule);
    return operation ? { operation, input } : undefined;
  };
}

const stateOf = ({ isEnabled }: LocalSchedule): string => (isEnabled ? 'ENABLED' : 'DISABLED');

function definitionOf(schedule: LocalSchedule): JsonObject {
  return {
    Name: schedule.name,
    GroupName: schedule.group,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: schedule.timezone,
    State: stateOf(schedule),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'NONE',
    Target: {
      Arn: schedule.targetArn,
      RoleArn: schedule.roleArn,
      Input: schedule.input,
      RetryPolicy: {
        MaximumRetryAttempts: schedule.retryAttempts,
        MaximumEventAgeInSeconds: schedule.maximumEventAgeSeconds,
      },
      ...(schedule.deadLetterArn === undefined ? {} : { DeadLetterConfig: { Arn: schedule.deadLetterArn } }),
    },
  };
}
