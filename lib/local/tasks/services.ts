import pRetry from 'p-retry';
import type { LocalService, LocalTaskDefinition } from '../model.ts';
import { localAccount } from '../resources/resource.ts';
import { type EcsOptions, environmentOf } from './ecs-task.ts';
import { TaskRunner } from './task-runner.ts';

export type ServiceOptions = Pick<
  EcsOptions,
  'region' | 'endpointUrl' | 'definitions' | 'identities' | 'secrets' | 'machineEnvironment' | 's3Url'
> & {
  readonly outputOf: (definition: LocalTaskDefinition) => (line: string) => void;
  /** Something is the matter with the service of that name; undefined when it is over. */
  readonly onProblem: (service: string, problem: string | undefined) => void;
};

export type RunningServices = {
  /** Asks all of them to stop, and waits until they have. */
  close(): Promise<void>;
  /** Ends all of them at once. */
  kill(): void;
};

/** ECS waits longer and longer before it starts a task that keeps failing, 27 minutes at most; a person at one machine is less patient. */
const restartWaits = { minTimeout: 1000, maxTimeout: 30_000, factor: 2 } as const;
/** A task that ran for so long was well: what ended it is no reason to wait. */
const wellAfterMs = 60_000;

/** Keeps a task of each service running, started again whenever it ends, until they are closed. */
export function runServices(services: readonly LocalService[], options: ServiceOptions): RunningServices {
  const wanted = services.filter(({ desiredCount }) => desiredCount > 0);
  const runner = new TaskRunner(Math.max(1, wanted.length));
  const stop = new AbortController();
  const ended = Promise.all(
    wanted.map((service) => keepRunning(service, { ...options, runner, signal: stop.signal }).catch(() => undefined)),
  );
  return {
    close: async () => {
      stop.abort();
      await ended;
    },
    kill: () => {
      stop.abort();
      runner.kill();
    },
  };
}

type Keeping = ServiceOptions & { readonly runner: TaskRunner; readonly signal: AbortSignal };

async function keepRunning(service: LocalService, options: Keeping): Promise<void> {
  const { signal, onProblem } = options;
  const definition = options.definitions.find(({ arn }) => arn === service.taskDefinition);
  if (definition === undefined) throw new Error(`there is no task definition '${service.taskDefinition}'`);
  while (!signal.aborted) {
    await pRetry(
      async () => {
        const beganAt = Date.now();
        const { exitCode, reason } = await runOnce(service, definition, options);
        if (signal.aborted || Date.now() - beganAt >= wellAfterMs) return;
        throw new Error(`service '${service.name}' ended with ${exitCode ?? reason} and is started again`);
      },
      {
        ...restartWaits,
        retries: Number.POSITIVE_INFINITY,
        signal,
        onFailedAttempt: ({ error }) => {
          if (!signal.aborted) onProblem(service.name, error.message);
        },
      },
    );
  }
}

async function runOnce(
  { name }: LocalService,
  definition: LocalTaskDefinition,
  options: Keeping,
): Promise<{ readonly exitCode: number | undefined; readonly reason: string }> {
  const { identities, region, runner, signal, onProblem } = options;
  const identity = identities.issue({ kind: 'task', name: definition.family, roleArn: definition.roleArn });
  const well = setTimeout(() => onProblem(name, undefined), wellAfterMs);
  try {
    return await runner.run({
      definition,
      taskArn: `arn:aws:ecs:${region}:${localAccount}:task/${name}`,
      command: undefined,
      environment: environmentOf(definition.container, {}, identity, options),
      signal,
      onLine: options.outputOf(definition),
    });
  } finally {
    clearTimeout(well);
    identities.withdraw(identity);
  }
}
