import type { EcsServices } from '../ecs-services.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { Queues } from '../events/queues.ts';
import type { Topics } from '../events/topics.ts';
import type { Executions } from '../executions/executions.ts';
import type { Functions } from '../functions.ts';
import type { LocalModel } from '../model.ts';
import type { ScheduleBook } from '../schedules/schedule-book.ts';
import type { Secrets } from '../secrets.ts';
import { ecsOperations } from './ecs.ts';
import type { EndpointServices } from './endpoint.ts';
import { kmsOperations } from './kms.ts';
import {
  eventBridgeOperations,
  secretsManagerOperations,
  snsOperations,
  sqsOperations,
  stsOperations,
} from './other-services.ts';
import { schedulerService } from './scheduler.ts';
import { stepFunctionsOperations } from './step-functions.ts';

/** Every AWS service that a stack's programs can call, over the stack's own parts. */
export function endpointServices(stack: {
  readonly region: string;
  readonly stateDirectory: string;
  readonly model: LocalModel;
  readonly executions: Executions;
  readonly bus: EventBus;
  readonly secrets: Secrets;
  readonly queues: Queues;
  readonly topics: Topics;
  readonly book: ScheduleBook;
  readonly functions: Functions;
  readonly services: EcsServices;
}): EndpointServices {
  const { region, functions } = stack;
  return {
    json: {
      AWSStepFunctions: stepFunctionsOperations(stack.executions),
      AWSEvents: eventBridgeOperations(stack.bus, region),
      TrentService: kmsOperations(stack.model.keys, stack.stateDirectory),
      secretsmanager: secretsManagerOperations(stack.secrets),
      AmazonSQS: sqsOperations(stack.queues),
      AmazonEC2ContainerServiceV20141113: ecsOperations(stack.services, region),
    },
    query: { sns: snsOperations(stack.topics), sts: stsOperations() },
    rest: { scheduler: schedulerService(stack.book, region) },
    functionArn: (name) => functions.definition(name).arn,
    invoke: (name, payload, isEvent) => {
      const invocation = functions.invoke(name, payload);
      return isEvent ? Promise.resolve({ kind: 'result', result: null }) : invocation;
    },
  };
}
