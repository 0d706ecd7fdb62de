import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { AwsError } from '../aws-error.ts';
import type { CallLog } from '../call-log.ts';
import { stateError } from '../executions/state-error.ts';
import { parseRunTask, type TaskCall } from '../executions/task-handlers.ts';
import { type Credentials, type Identities, sdkEnvironment } from '../identities.ts';
import type { Json } from '../json.ts';
import type { LocalContainer, LocalTaskDefinition } from '../model.ts';
import { localAccount } from '../resources/resource.ts';
import type { Secrets } from '../secrets.ts';
import { containerStart } from './container-start.ts';
import type { TaskRunner } from './task-runner.ts';

export type EcsOptions = {
  readonly region: string;
  readonly endpointUrl: string;
  readonly definitions: readonly LocalTaskDefinition[];
  readonly identities: Identities;
  readonly secrets: Secrets;
  readonly runner: TaskRunner;
  /** What every program of this machine gets: `PATH`, `HOME` and the like. */
  readonly machineEnvironment: Readonly<Record<string, string>>;
  /** Where S3 is for programs; undefined when the store is a directory. */
  readonly s3Url: string | undefined;
  readonly outputOf: (call: TaskCall, definition: LocalTaskDefinition) => (line: string) => void;
  readonly calls: CallLog;
};

/**
 * ECS's `runTask.sync`: runs a task to its end and gives its description. A container that ends with another code than 0 rejects
 * with `States.TaskFailed`, whose cause is that description as JSON text, as in Step Functions.
 */
export async function runEcsTask(call: TaskCall, options: EcsOptions): Promise<Json> {
  const request = parseRunTask(call.parameters);
  const definition = options.definitions.find(
    ({ arn, family }) =>
      arn === request.taskDefinition || family === request.taskDefinition || arn === `${request.taskDefinition}:1`,
  );
  if (definition === undefined)
    throw new AwsError('ECS.ClientException', `TaskDefinition '${request.taskDefinition}' not found`);
  const { container } = definition;
  if (request.container !== undefined && request.container !== container.name)
    throw new AwsError('ECS.InvalidParameterException', `there is no container '${request.container}'`);
  recordStart(call, definition, options.calls);
  const { name, roleArn } = { name: definition.family, roleArn: definition.roleArn };
  const identity = options.identities.issue({ kind: 'task', name, roleArn });
  const taskArn = `arn:aws:ecs:${options.region}:${localAccount}:task/${clusterOf(call)}/${randomBytes(16).toString('hex')}`;
  const startedAt = new Date().toISOString();
  call.signal.addEventListener('abort', () => options.calls.add(call.caller, 'ecs:StopTask', taskArn), { once: true });
  try {
    const end = isImageThere(container)
      ? await options.runner.run({
          definition,
          taskArn,
          command: request.command,
          environment: environmentOf(container, request.environment, identity, options),
          signal: call.signal,
          onLine: options.outputOf(call, definition),
        })
      : { exitCode: undefined, reason: `CannotPullContainerError: '${container.folder}' is not there` };
    const hasStarted = end.exitCode !== undefined;
    const description = {
      TaskArn: taskArn,
      TaskDefinitionArn: definition.arn,
      LastStatus: 'STOPPED',
      ...(hasStarted ? { StartedAt: startedAt } : {}),
      StoppedAt: new Date().toISOString(),
      StopCode: hasStarted ? 'EssentialContainerExited' : 'TaskFailedToStart',
      StoppedReason: end.reason,
      Containers: [
        {
          Name: container.name,
          LastStatus: 'STOPPED',
          TaskArn: taskArn,
          ...(hasStarted ? { ExitCode: end.exitCode } : { Reason: end.reason }),
        },
      ],
    };
    if (end.exitCode !== 0) throw stateError('States.TaskFailed', JSON.stringify(description));
    return description;
  } finally {
    options.identities.withdraw(identity);
  }
}

/** What stands for the image here is the folder that it would be built from. */
const isImageThere = ({ folder, dockerFile }: LocalContainer): boolean => existsSync(join(folder, dockerFile));

/** The cluster's name, which is the last part of its ARN too. */
function clusterOf({ parameters }: TaskCall): string {
  return (
    String(parameters['Cluster'] ?? 'default')
      .split('/')
      .at(-1) ?? ''
  );
}

/** What Step Functions needs for `runTask`: to start it, and to hand over the two roles that it will have. */
function recordStart({ caller, parameters }: TaskCall, definition: LocalTaskDefinition, calls: CallLog): void {
  const cluster = parameters['Cluster'];
  calls.add(caller, 'ecs:RunTask', definition.arn, typeof cluster === 'string' ? { 'ecs:cluster': cluster } : {});
  for (const role of [definition.roleArn, definition.executionRoleArn])
    if (role !== undefined)
      calls.add(caller, 'iam:PassRole', role, { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' });
}

/** The whole environment of a container's process. */
export function environmentOf(
  container: LocalContainer,
  overrides: Readonly<Record<string, string>>,
  identity: Credentials,
  options: Pick<EcsOptions, 'secrets' | 'machineEnvironment' | 'region' | 'endpointUrl' | 's3Url'>,
): Record<string, string> {
  const { imageDirectory } = containerStart(container, undefined);
  const secrets = Object.entries(container.secrets).map(([name, arn]) => [name, options.secrets.get(arn).text]);
  const declared = { ...container.environment, ...overrides };
  return {
    ...options.machineEnvironment,
    ...Object.fromEntries(
      Object.entries(declared).map(([name, value]) => [name, inContext(value, imageDirectory, container)]),
    ),
    ...Object.fromEntries(secrets),
    ...sdkEnvironment({ ...options, identity }),
  };
}

/** A path below the image's working directory, as it is in the build context. */
function inContext(value: string, imageDirectory: string, { folder }: LocalContainer): string {
  const isBelow = imageDirectory !== '/' && (value === imageDirectory || value.startsWith(`${imageDirectory}/`));
  return isBelow ? join(folder, relative(imageDirectory, value)) : value;
}
