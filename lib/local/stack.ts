import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import { ensureApiToken } from './api-token.ts';
import { readAssembly } from './assembly.ts';
import { CallLog } from './call-log.ts';
import { keepApplyingCustomResources } from './custom-resources.ts';
import { openDatabases } from './databases.ts';
import { releaseDeadLeases } from './dead-leases.ts';
import { EcsServices } from './ecs-services.ts';
import { embeddedServerEnvironment } from './embedded-programs.ts';
import { openEndpoint } from './endpoint/endpoint.ts';
import { endpointServices } from './endpoint/endpoint-services.ts';
import { EventBus } from './events/event-bus.ts';
import { Queues } from './events/queues.ts';
import { Topics } from './events/topics.ts';
import { Executions } from './executions/executions.ts';
import { ownFolder } from './folder-owner.ts';
import { Functions } from './functions.ts';
import { type Caller, Identities } from './identities.ts';
import type { JsonObject } from './json.ts';
import { invokeAsynchronously } from './lambda/invoke-asynchronously.ts';
import type { LocalStack, LocalStackOptions, StackEvent } from './local-stack.ts';
import { machineEnvironment } from './machine-environment.ts';
import { makeStore } from './make-store.ts';
import { MetricRegistry } from './metrics/metric-registry.ts';
import type { LocalSchedule } from './model.ts';
import { listenTo } from './notifications.ts';
import { programOutput } from './program-output.ts';
import { readModel } from './read-model.ts';
import { announceStack, withdrawStack } from './running-stack.ts';
import { openS3 } from './s3/open-s3.ts';
import { ScheduleBook } from './schedules/schedule-book.ts';
import { Scheduler, systemClock } from './schedules/scheduler.ts';
import { Secrets } from './secrets.ts';
import { targetCaller, taskServices } from './services.ts';
import { getFromFunction } from './status/function-url.ts';
import { installationHealth } from './status/installation-health.ts';
import { openStatusServer } from './status/status-server.ts';
import { runEcsTask } from './tasks/ecs-task.ts';
import { runServices } from './tasks/services.ts';
import { TaskRunner } from './tasks/task-runner.ts';

const closingGraceSeconds = 20;

/**
 * Runs what the cloud assembly describes, on this machine. One stack at a time for a state folder: another one is refused with
 * `stack-running`. Throws `assembly-unsupported` when the assembly holds something that it cannot play.
 */
export async function openLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const stateDirectory = resolve(options.stateDir);
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const owner = own(stateDirectory);
  const parts: Parts = { cleanups: [] };
  parts.cleanups.push(async () => owner.release());
  try {
    return await open(options, stateDirectory, parts);
  } catch (error) {
    await cleanUp(parts);
    throw error;
  }
}

/** What was opened so far; undone in reverse. */
type Parts = { readonly cleanups: (() => Promise<void>)[] };

async function cleanUp({ cleanups }: Parts): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
}

async function open(options: LocalStackOptions, stateDirectory: string, parts: Parts): Promise<LocalStack> {
  const { serve, clock = systemClock } = options;
  const { region } = options.config.aws;
  const say = (event: StackEvent): void => options.onEvent?.(event);
  const problems = new Map<string, string>();
  const startedAt = new Date().toISOString();

  const status = await openStatusServer(serve ? (options.port ?? 8084) : 0);
  parts.cleanups.push(status.close);
  const identities = new Identities();
  const calls = new CallLog(stateDirectory);
  const endpoint = await openEndpoint({ identities, calls });
  parts.cleanups.push(endpoint.close);
  const s3 = await openS3(options.config, identities, calls);
  if (s3 !== undefined) parts.cleanups.push(s3.close);
  const socketRoot = mkdtempSync(join(tmpdir().length <= 40 ? tmpdir() : '/tmp', 'holdfast-'));
  parts.cleanups.push(async () => rmSync(socketRoot, { recursive: true, force: true }));

  say({ kind: 'phase', text: 'reading the cloud assembly' });
  const model = readModel(readAssembly(resolve(options.assemblyDir)), {
    region,
    socketRoot,
    functionUrlBase: `${status.url}/functions`,
    queueUrlBase: endpoint.url,
  });
  if (model.buckets.length > 0) makeStore(options.config.store, stateDirectory);
  await openDatabases(model.databases, {
    stateDirectory,
    onStart: (identifier) => say({ kind: 'phase', text: `starting the database '${identifier}'` }),
    onOpen: (close) => parts.cleanups.push(close),
  });

  const metrics = new MetricRegistry();
  const programEnvironment = {
    ...machineEnvironment(options.config, process.env),
    ...(await embeddedServerEnvironment()),
    // A compiled module for this machine's platform, where a bundle holds none: it holds what tasks on AWS need.
    NODE_PATH: join(import.meta.dirname, '../../node_modules'),
    // Programs of some megabytes are compiled once, and not by each process anew; what is kept of that goes with the assembly.
    NODE_COMPILE_CACHE: join(resolve(options.assemblyDir), 'compiled'),
    ...options.environment,
  };
  const functions = new Functions({
    functions: model.functions,
    region,
    endpointUrl: endpoint.url,
    identities,
    machineEnvironment: programEnvironment,
    s3Url: s3?.url,
    outputOf: ({ name }) =>
      programOutput(stateDirectory, name, { onMetrics: (line) => metrics.record(line), onProgress: () => undefined }),
  });
  parts.cleanups.push(() => functions.close());
  const queues = new Queues(model.queues, stateDirectory);
  const secrets = new Secrets({ secrets: model.secrets, region, stateDirectory });
  const topics = new Topics({
    model,
    targets: {
      sendToQueue: (queue, body) => queues.send(queue, body),
      invokeFunction: (name, event) => invokeAsynchronously({ functions, queues }, name, event),
    },
    stateDirectory,
    onSent: (message) => {
      for (const { endpoint: address, status: word, isDelivered } of message.deliveries)
        if (!isDelivered) say({ kind: 'warning', text: `the message for '${address}' was not delivered: ${word}` });
      say({ kind: 'message', message });
    },
  });
  const taskRunner = new TaskRunner();
  const taskOptions = {
    region,
    endpointUrl: endpoint.url,
    definitions: model.taskDefinitions,
    identities,
    secrets,
    machineEnvironment: programEnvironment,
    s3Url: s3?.url,
  };

  const services = taskServices({
    region,
    calls,
    functions,
    bus: () => bus,
    topics,
    queues,
    runTask: (call) =>
      runEcsTask(call, {
        ...taskOptions,
        runner: taskRunner,
        calls,
        outputOf: ({ executionArn, state }, { family }) =>
          programOutput(stateDirectory, family, {
            onMetrics: (line) => metrics.record(line),
            onProgress: (progress) => executions.reportProgress(executionArn, state, progress),
          }),
      }),
  });
  const executions = await Executions.open({ stateDirectory, machines: model.machines, services });
  executions.listen(say);
  await releaseDeadLeases(options.config.store, executions.stoppedByDeath).catch((error: unknown) =>
    say({ kind: 'warning', text: `leases of dead executions run out by themselves: ${messageOf(error)}` }),
  );
  const callTarget = targetCaller(services, (arn, input, caller) => {
    calls.add(caller, 'states:StartExecution', arn);
    executions.start(arn, input);
  });
  const bus = new EventBus({
    rules: model.rules,
    region,
    deliver: (arn, body, rule) => callTarget(arn, body, { kind: 'rule', name: rule.name, roleArn: rule.arn }),
    onFailure: (rule, error) => say({ kind: 'warning', text: `rule '${rule.name}': ${messageOf(error)}` }),
  });

  const book = new ScheduleBook({
    schedules: model.schedules,
    stateDirectory,
    onUpdate: (schedule) => scheduler.replace(schedule),
  });
  const ecsServices = new EcsServices({
    targets: options.config.targets,
    stateDirectory,
    onProblem: (text) => say({ kind: 'warning', text }),
  });
  parts.cleanups.push(() => ecsServices.close());
  endpoint.connect(
    endpointServices({
      ...{ region, stateDirectory, model, executions, bus, secrets, queues, topics, book, functions },
      services: ecsServices,
    }),
  );
  const scheduler = new Scheduler({
    schedules: serve ? book.list() : [],
    clock,
    fire: (schedule, input) => callTarget(schedule.targetArn, input, callerOf(schedule)),
    onFailure: (schedule, input, error) => {
      say({ kind: 'warning', text: `schedule '${schedule.name}' could not be fired: ${messageOf(error)}` });
      if (schedule.deadLetterArn === undefined) return;
      calls.add(callerOf(schedule), 'sqs:SendMessage', schedule.deadLetterArn);
      queues.send(schedule.deadLetterArn, input);
    },
  });

  const note = (about: string, problem: string | undefined): void => {
    problems.delete(about);
    if (problem === undefined) return;
    problems.set(about, problem);
    say({ kind: 'warning', text: problem });
  };

  const health = async (): Promise<JsonObject> => ({
    holdfast: true,
    status: problems.size === 0 ? 'ok' : 'degraded',
    problems: [...problems.values()],
    pid: process.pid,
    startedAt,
    stateDirectory,
    running: executions.list().filter(({ status: state }) => state === 'RUNNING').length,
    queues: await queues.depths(),
  });
  const invoke = (name: string, event: JsonObject) => functions.invoke(name, event);
  const apiFunction = model.functionUrls.find((name) => name === `${options.config.aws.name}-api`);
  const api = apiFunction === undefined ? undefined : { functionName: apiFunction, invoke };
  status.connect({
    executions,
    identities,
    // The API's own answer, as on AWS; an app without one has what its functions print.
    metrics: () => (api === undefined ? metrics.registry.metrics() : getFromFunction(api, '/metrics')),
    health: async () => ({ ...(await health()), installation: await installationHealth(api) }),
    invoke,
    api: { functionName: apiFunction, token: ensureApiToken(stateDirectory) },
    facts: async () => ({
      installation: await installationHealth(api),
      targets: options.config.targets,
      schedules: scheduler.upcoming(),
      executions: executions.list(),
      messages: await topics.messages(),
      queueDepths: await queues.depths(),
      problems: [...problems.values()],
    }),
  });

  if (model.customResources.length > 0) say({ kind: 'phase', text: 'preparing the catalog' });
  const stopApplying = await keepApplyingCustomResources(
    {
      resources: model.customResources,
      functions: model.functions,
      stateDirectory,
      invoke: (name, event) => functions.invoke(name, event),
    },
    (problem) => note('custom-resources', problem),
  );
  if (serve) {
    executions.resume();
    for (const database of model.databases)
      parts.cleanups.push(
        listenTo(database, {
          onOpen: () => scheduler.fireEarly('take-requests'),
          onNotification: (name) => scheduler.fireEarly(name),
          onProblem: (problem) => note(`requests in ${database.identifier}`, problem),
        }),
      );
  }

  const running = serve
    ? runServices(model.services, {
        ...taskOptions,
        outputOf: ({ family }) =>
          programOutput(stateDirectory, family, {
            onMetrics: (line) => metrics.record(line),
            onProgress: () => undefined,
          }),
        onProblem: (name, problem) => note(`service ${name}`, problem),
      })
    : undefined;

  const { accessKeyId, secretAccessKey } = identities.issue({
    kind: 'operator',
    name: 'operator',
    roleArn: 'arn:aws:iam::000000000000:user/operator',
  });
  announceStack(stateDirectory, {
    pid: process.pid,
    startedAt,
    region,
    endpointUrl: endpoint.url,
    statusUrl: status.url,
    credentials: { accessKeyId, secretAccessKey },
    machines: Object.fromEntries(model.machines.map(({ name, arn }) => [name, arn])),
    functions: Object.fromEntries(model.functions.map(({ name, arn }) => [name, arn])),
  });
  parts.cleanups.push(async () => withdrawStack(stateDirectory));

  let closing: Promise<void> | undefined;
  const closeGently = async (): Promise<void> => {
    stopApplying();
    await scheduler.close();
    await Promise.all([taskRunner.close(), running?.close(), executions.close(closingGraceSeconds)]);
    await bus.settle();
    await topics.settle();
    await cleanUp(parts);
  };
  const close: LocalStack['close'] = async ({ force = false } = {}) => {
    if (force) {
      taskRunner.kill();
      running?.kill();
      await executions.close(0);
    }
    closing ??= closeGently();
    await closing;
  };
  return {
    model,
    region,
    endpointUrl: endpoint.url,
    statusUrl: status.url,
    credentials: { accessKeyId, secretAccessKey },
    executions,
    queues,
    topics,
    calls,
    startExecution: (machine, input, name) => executions.start(machine, JSON.stringify(input), name),
    waitFor: (arn) => executions.waitFor(arn),
    metrics: () => metrics.registry.metrics(),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function callerOf({ name, roleArn }: LocalSchedule): Caller {
  return { kind: 'schedule', name, roleArn };
}

function own(stateDirectory: string): { release(): void } {
  try {
    return ownFolder(stateDirectory);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new HoldfastError('stack-running', `a local stack runs on '${stateDirectory}' already: ${cause.message}`, {
      cause,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
