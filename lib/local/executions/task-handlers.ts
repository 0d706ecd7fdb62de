import { AwsError } from '../aws-error.ts';
import type { Caller } from '../identities.ts';
import { asJsonObject, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { LocalMachine } from '../model.ts';
import type { TaskState } from './definition.ts';
import { stateError } from './state-error.ts';
import { type TaskTokens, tokenMark } from './task-tokens.ts';

/** What a Task state needs beside its parameters. */
export type TaskCall = {
  readonly machine: LocalMachine;
  readonly executionArn: string;
  readonly state: string;
  readonly parameters: JsonObject;
  /** Fires when the state timed out, or the execution was stopped. */
  readonly signal: AbortSignal;
  readonly caller: Caller;
};

/** The services behind the Task states. */
export type TaskServices = {
  /** Invokes a function; rejects with the function's error, in the form in which Step Functions reports it. */
  readonly invokeFunction: (nameOrArn: string, payload: Json, caller: Caller) => Promise<Json>;
  /** Runs a task to its end; rejects with `States.TaskFailed` when its container fails. */
  readonly runTask: (call: TaskCall) => Promise<Json>;
  readonly publish: (topicArn: string, message: JsonObject, caller: Caller) => Promise<Json>;
  readonly putEvents: (entries: readonly Json[], caller: Caller) => Promise<Json>;
  readonly sendMessage: (queueUrl: string, body: Json, caller: Caller) => Promise<Json>;
};

/** 256 KiB, the size that Step Functions allows a state's output. */
const payloadLimitBytes = 262_144;

/** Runs the Task state `state` as its `Resource` says. Any other resource is refused by its name. */
export async function runTaskState(
  task: TaskState,
  call: TaskCall,
  { services, tokens }: { readonly services: TaskServices; readonly tokens: TaskTokens },
): Promise<Json> {
  const resource = withoutCallback(task.resource);
  const result =
    resource === task.resource
      ? await dispatch(resource, call, services)
      : await answerTo(task, call, { tokens, send: (told) => dispatch(resource, told, services) });
  const sizeBytes = Buffer.byteLength(JSON.stringify(result ?? null));
  if (sizeBytes > payloadLimitBytes)
    throw stateError(
      'States.DataLimitExceeded',
      `the state '${task.name}' returned ${sizeBytes} bytes, more than the ${payloadLimitBytes} that Step Functions allows`,
    );
  return result;
}

/** Whether `resource` can be played; checked when a stack opens, so that no execution finds out. */
export function isKnownResource(resource: string): boolean {
  return withoutCallback(resource) in integrations || isFunction(resource);
}

const isFunction = (resource: string): boolean => /^arn:aws:lambda:[^:]+:\d+:function:/.test(resource);

/** The resource that is told of a token; itself where nobody is waited for. A task that is run to its end is never told of one. */
const withoutCallback = (resource: string): string => resource.replace(/(?<!\.sync)\.waitForTaskToken$/, '');

/** Tells of a new token, and waits until somebody answers to it. That it could not be told fails the state at once. */
async function answerTo(
  task: TaskState,
  call: TaskCall,
  { tokens, send }: { readonly tokens: TaskTokens; readonly send: (told: TaskCall) => Promise<Json> },
): Promise<Json> {
  const waiting = tokens.open(call.executionArn, { signal: call.signal, heartbeatSeconds: task.heartbeatSeconds });
  try {
    const told = { ...call, parameters: asJsonObject(withToken(call.parameters, waiting.token)) };
    // The answer may come before the call that told of it has returned.
    return await Promise.race([send(told).then(() => waiting.answer), waiting.answer]);
  } finally {
    waiting.close();
  }
}

function withToken(value: Json, token: string): Json {
  if (typeof value === 'string') return value.replaceAll(tokenMark, token);
  if (Array.isArray(value)) return value.map((item: Json) => withToken(item, token));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withToken(inner, token)]));
}

type Integration = (call: TaskCall, services: TaskServices) => Promise<Json>;

const integrations: Readonly<Record<string, Integration>> = {
  'arn:aws:states:::lambda:invoke': async ({ parameters, caller }, { invokeFunction }) => {
    const { FunctionName, Payload, ...rest } = parameters;
    refuseUnknown('lambda:invoke', rest, ['InvocationType', 'Qualifier']);
    const payload = await invokeFunction(String(FunctionName), Payload ?? {}, caller);
    return { ExecutedVersion: '$LATEST', Payload: payload, StatusCode: 200 };
  },
  'arn:aws:states:::ecs:runTask.sync': (call, { runTask }) => runTask(call),
  'arn:aws:states:::sns:publish': ({ parameters, caller }, { publish }) => {
    const { TopicArn, ...message } = parameters;
    refuseUnknown('sns:publish', message, ['Message', 'Subject', 'MessageAttributes', 'MessageStructure']);
    return publish(String(TopicArn), message, caller);
  },
  'arn:aws:states:::events:putEvents': ({ parameters, caller }, { putEvents }) => {
    const { Entries, ...rest } = parameters;
    refuseUnknown('events:putEvents', rest, []);
    return putEvents(Array.isArray(Entries) ? (Entries as Json[]) : [], caller);
  },
  'arn:aws:states:::sqs:sendMessage': ({ parameters, caller }, { sendMessage }) => {
    const { QueueUrl, MessageBody, ...rest } = parameters;
    refuseUnknown('sqs:sendMessage', rest, []);
    return sendMessage(String(QueueUrl), MessageBody ?? '', caller);
  },
};

async function dispatch(resource: string, call: TaskCall, services: TaskServices): Promise<Json> {
  const integration = integrations[resource];
  if (integration !== undefined) return integration(call, services);
  if (isFunction(resource)) return services.invokeFunction(resource, call.parameters, call.caller);
  throw stateError('States.Runtime', `the resource '${resource}' is not known to the local stack`);
}

function refuseUnknown(integration: string, rest: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(rest).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw stateError(
      'States.Runtime',
      `${integration}: the parameter '${unknown.join("', '")}' is not known to the local stack`,
    );
}

/** What `ecs:runTask.sync` was asked for, checked. */
export function parseRunTask(parameters: JsonObject): {
  readonly taskDefinition: string;
  readonly container: string | undefined;
  readonly command: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
} {
  const { TaskDefinition, Overrides, ...rest } = parameters;
  refuseUnknown('ecs:runTask', rest, placement);
  const { ContainerOverrides, ...otherOverrides } = asJsonObject(Overrides);
  refuseUnknown('ecs:runTask Overrides', otherOverrides, []);
  const overrides = Array.isArray(ContainerOverrides) ? (ContainerOverrides as Json[]) : [];
  if (overrides.length > 1) throw new AwsError('ECS.InvalidParameterException', 'there is one container to override');
  const { Name, Command, Environment, ...others } = asJsonObject(overrides[0]);
  refuseUnknown('ecs:runTask ContainerOverrides', others, []);
  const variables = Array.isArray(Environment) ? Environment.map(asJsonObject) : [];
  return {
    taskDefinition: String(TaskDefinition),
    container: Name === undefined ? undefined : String(Name),
    command: Array.isArray(Command) ? Command.map(String) : undefined,
    environment: Object.fromEntries(variables.map((variable) => [String(variable['Name']), String(variable['Value'])])),
  };
}

/** Where and how a task is placed in an account, which has no meaning for a process. */
const placement = [
  'CapacityProviderStrategy',
  'Cluster',
  'EnableExecuteCommand',
  'LaunchType',
  'NetworkConfiguration',
  'PlatformVersion',
  'PropagateTags',
  'Tags',
];
