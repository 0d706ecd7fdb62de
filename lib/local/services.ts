import { HoldfastError } from '../core/errors.ts';
import type { CallLog } from './call-log.ts';
import { eventContext, putEvents } from './endpoint/other-services.ts';
import type { EventBus } from './events/event-bus.ts';
import type { Queues } from './events/queues.ts';
import type { Topics } from './events/topics.ts';
import type { TaskCall, TaskServices } from './executions/task-handlers.ts';
import type { Functions } from './functions.ts';
import type { Caller } from './identities.ts';
import type { Json, JsonObject } from './json.ts';
import { localAccount } from './resources/resource.ts';

/** The parts of a stack that do what state machines, rules and schedules ask for. */
export type ServiceParts = {
  readonly region: string;
  readonly calls: CallLog;
  readonly functions: Functions;
  readonly bus: () => EventBus;
  readonly topics: Topics;
  readonly queues: Queues;
  readonly runTask: (call: TaskCall) => Promise<Json>;
};

/** The services behind Task states; each call is recorded under the machine's own role. */
export function taskServices(parts: ServiceParts): TaskServices {
  const { calls, functions, topics, queues, region } = parts;
  return {
    invokeFunction: async (nameOrArn, payload, caller) => {
      calls.add(caller, 'lambda:InvokeFunction', functions.definition(nameOrArn).arn);
      return functions.call(nameOrArn, payload);
    },
    publish: async (topicArn, message, caller) => {
      calls.add(caller, 'sns:Publish', topicArn);
      return { MessageId: topics.publish(topicArn, textOf(message['Message']), subjectOf(message)) };
    },
    putEvents: async (entries, caller) => {
      const bus = `arn:aws:events:${region}:${localAccount}:event-bus/default`;
      calls.add(caller, 'events:PutEvents', bus, eventContext(entries));
      return putEvents(parts.bus(), entries);
    },
    sendMessage: async (queueUrl, body, caller) => {
      calls.add(caller, 'sqs:SendMessage', queues.arnOf(queueUrl));
      return { MessageId: queues.send(queueUrl, textOf(body)) };
    },
    runTask: parts.runTask,
  };
}

/** Calls the target of a rule or schedule. Rejects when it cannot be called, and with `assembly-unsupported` at a strange one. */
export type CallTarget = (targetArn: string, body: string, caller: Caller) => Promise<void>;

/** What calls targets by what their ARN says they are. */
export function targetCaller(
  services: TaskServices,
  startExecution: (machineArn: string, input: string, caller: Caller) => void,
): CallTarget {
  const byService: Readonly<Record<string, CallTarget>> = {
    lambda: async (arn, body, caller) => void (await services.invokeFunction(arn, JSON.parse(body) as Json, caller)),
    sns: async (arn, body, caller) => void (await services.publish(arn, { Message: body }, caller)),
    sqs: async (arn, body, caller) => void (await services.sendMessage(arn, body, caller)),
    states: async (arn, body, caller) => startExecution(arn, body, caller),
  };
  return async (targetArn, body, caller) => {
    const call = byService[targetArn.split(':')[2] ?? ''];
    if (call === undefined)
      throw new HoldfastError(
        'assembly-unsupported',
        `the target '${targetArn}' of '${caller.name}' is not known here`,
      );
    await call(targetArn, body, caller);
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function subjectOf(message: JsonObject): string | null {
  return typeof message['Subject'] === 'string' ? message['Subject'] : null;
}
