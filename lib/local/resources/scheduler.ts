import * as z from 'zod';
import { numberProperty, resourceKind } from './resource.ts';

const scheduleGroup = resourceKind({
  type: 'AWS::Scheduler::ScheduleGroup',
  properties: z.strictObject({ Name: z.string().optional() }),
  add: ({ Name }, context) => {
    const name = context.physicalName(Name);
    return { ref: name, attributes: { Arn: context.arn('scheduler', `schedule-group/${name}`) } };
  },
});

const schedule = resourceKind({
  type: 'AWS::Scheduler::Schedule',
  properties: z.strictObject({
    Name: z.string().optional(),
    GroupName: z.string().default('default'),
    ScheduleExpression: z.string(),
    ScheduleExpressionTimezone: z.string().default('UTC'),
    State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
    Target: z.strictObject({
      Arn: z.string(),
      RoleArn: z.string(),
      Input: z.string().default('{}'),
      RetryPolicy: z
        .strictObject({
          MaximumRetryAttempts: numberProperty.default(185),
          MaximumEventAgeInSeconds: numberProperty.default(86_400),
        })
        .default({ MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 }),
      DeadLetterConfig: z.strictObject({ Arn: z.string() }).optional(),
    }),
  }),
  add: (properties, context) => {
    const name = context.physicalName(properties.Name);
    context.model.schedules.push({
      origin: context.origin,
      name,
      group: properties.GroupName,
      expression: properties.ScheduleExpression,
      timezone: properties.ScheduleExpressionTimezone,
      isEnabled: properties.State === 'ENABLED',
      targetArn: properties.Target.Arn,
      roleArn: properties.Target.RoleArn,
      input: properties.Target.Input,
      retryAttempts: properties.Target.RetryPolicy.MaximumRetryAttempts,
      maximumEventAgeSeconds: properties.Target.RetryPolicy.MaximumEventAgeInSeconds,
      deadLetterArn: properties.Target.DeadLetterConfig?.Arn,
    });
    return { ref: name, attributes: { Arn: context.arn('scheduler', `schedule/${properties.GroupName}/${name}`) } };
  },
});

export const schedulerResources = [scheduleGroup, schedule];
