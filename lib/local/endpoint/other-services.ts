import { AwsError } from '../aws-error.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { Queues } from '../events/queues.ts';
import type { Topics } from '../events/topics.ts';
import { asJsonObject, type Json, type JsonObject } from '../json.ts';
import { localAccount } from '../resources/resource.ts';
import type { Secrets } from '../secrets.ts';
import { type Operations, optionalText, text } from './operation.ts';

/** EventBridge (AWS JSON 1.1). */
export function eventBridgeOperations(bus: EventBus, region: string): Operations {
  return {
    PutEvents: {
      action: 'events:PutEvents',
      resource: () => `arn:aws:events:${region}:${localAccount}:event-bus/default`,
      run: (input) => putEvents(bus, Array.isArray(input['Entries']) ? (input['Entries'] as Json[]) : []),
    },
  };
}

/** Puts each entry by itself: one that is refused is counted and does not hold up the others. */
export function putEvents(bus: EventBus, entries: readonly Json[]): JsonObject {
  const results = entries.map((entry): JsonObject => {
    try {
      return { EventId: bus.put(asJsonObject(entry)) };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return { ErrorCode: error.name, ErrorMessage: error.message };
    }
  });
  return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
}

/** Secrets Manager (AWS JSON 1.1). */
export function secretsManagerOperations(secrets: Secrets): Operations {
  return {
    GetSecretValue: {
      action: 'secretsmanager:GetSecretValue',
      resource: (input) => secrets.get(text(input, 'SecretId')).arn,
      run: (input) => {
        const { name, arn, text: value } = secrets.get(text(input, 'SecretId'));
        return { ARN: arn, Name: name, SecretString: value, VersionStages: ['AWSCURRENT'] };
      },
    },
  };
}

/** SQS (AWS JSON 1.0): what dead-letter queues need. */
export function sqsOperations(queues: Queues): Operations {
  return {
    SendMessage: {
      action: 'sqs:SendMessage',
      resource: (input) => queues.arnOf(text(input, 'QueueUrl')),
      run: (input) => ({ MessageId: queues.send(text(input, 'QueueUrl'), text(input, 'MessageBody')) }),
    },
    GetQueueAttributes: {
      action: 'sqs:GetQueueAttributes',
      resource: (input) => queues.arnOf(text(input, 'QueueUrl')),
      run: async (input) => {
        const queue = text(input, 'QueueUrl');
        const messages = await queues.messages(queue);
        return {
          Attributes: { QueueArn: queues.arnOf(queue), ApproximateNumberOfMessages: String(messages.length) },
        };
      },
    },
  };
}

/** SNS (query protocol). */
export function snsOperations(topics: Topics): Operations {
  return {
    Publish: {
      action: 'sns:Publish',
      resource: (input) => text(input, 'TopicArn'),
      run: (input) => ({
        MessageId: topics.publish(text(input, 'TopicArn'), text(input, 'Message'), optionalText(input, 'Subject')),
      }),
    },
    ListSubscriptionsByTopic: {
      action: 'sns:ListSubscriptionsByTopic',
      resource: (input) => text(input, 'TopicArn'),
      run: (input) => ({
        // Nobody has to confirm anything here: what is sent is shown.
        Subscriptions: topics
          .subscriptionsOf(text(input, 'TopicArn'))
          .map(({ topicArn, protocol, endpoint }, index) => ({
            TopicArn: topicArn,
            Protocol: protocol,
            Endpoint: endpoint,
            SubscriptionArn: `${topicArn}:${index}`,
            Owner: localAccount,
          })),
      }),
    },
  };
}

/** STS (query protocol). */
export function stsOperations(): Operations {
  return {
    GetCallerIdentity: {
      action: 'sts:GetCallerIdentity',
      resource: () => '*',
      run: (_, caller) => ({ Account: localAccount, Arn: caller.roleArn, UserId: caller.name }),
    },
  };
}
