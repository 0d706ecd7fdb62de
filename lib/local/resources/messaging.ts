import * as z from 'zod';
import { jsonTextProperty, resourceKind, textsProperty } from './resource.ts';

const topic = resourceKind({
  type: 'AWS::SNS::Topic',
  properties: z.strictObject({
    TopicName: z.string().optional(),
    Subscription: z.array(z.strictObject({ Protocol: z.string(), Endpoint: z.string() })).default([]),
  }),
  add: (properties, context) => {
    const name = context.physicalName(properties.TopicName);
    const arn = context.arn('sns', name);
    context.model.topics.push({ name, arn });
    for (const { Protocol, Endpoint } of properties.Subscription)
      context.model.subscriptions.push({ topicArn: arn, protocol: Protocol, endpoint: Endpoint });
    return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
  },
});

const subscription = resourceKind({
  type: 'AWS::SNS::Subscription',
  properties: z.strictObject({
    TopicArn: z.string(),
    Protocol: z.enum(['email', 'email-json', 'https', 'http', 'sqs', 'lambda']),
    Endpoint: z.string(),
  }),
  add: ({ TopicArn, Protocol, Endpoint }, context) => {
    context.model.subscriptions.push({ topicArn: TopicArn, protocol: Protocol, endpoint: Endpoint });
    return { ref: `${TopicArn}:${context.origin.logicalId}` };
  },
});

const queue = resourceKind({
  type: 'AWS::SQS::Queue',
  properties: z.strictObject({ QueueName: z.string().optional() }),
  add: ({ QueueName }, context) => {
    const name = context.physicalName(QueueName);
    const arn = context.arn('sqs', name);
    const url = `${context.settings.queueUrlBase}/000000000000/${name}`;
    context.model.queues.push({ name, arn, url });
    return { ref: url, attributes: { Arn: arn, QueueName: name, QueueUrl: url } };
  },
});

const rule = resourceKind({
  type: 'AWS::Events::Rule',
  properties: z.strictObject({
    Name: z.string().optional(),
    State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
    EventPattern: jsonTextProperty,
    Targets: z
      .array(
        z.strictObject({
          Id: z.string(),
          Arn: z.string(),
          Input: z.string().optional(),
          InputTransformer: z
            .strictObject({ InputPathsMap: textsProperty.default({}), InputTemplate: z.string() })
            .optional(),
        }),
      )
      .default([]),
  }),
  add: (properties, context) => {
    const name = context.physicalName(properties.Name);
    const arn = context.arn('events', `rule/${name}`);
    context.model.rules.push({
      origin: context.origin,
      name,
      arn,
      isEnabled: properties.State === 'ENABLED',
      pattern: properties.EventPattern,
      targets: properties.Targets.map(({ Arn, Input, InputTransformer }) => ({
        arn: Arn,
        input: Input,
        transformer:
          InputTransformer === undefined
            ? undefined
            : { paths: InputTransformer.InputPathsMap, template: InputTransformer.InputTemplate },
      })),
    });
    return { ref: name, attributes: { Arn: arn } };
  },
});

export const messagingResources = [topic, subscription, queue, rule];
