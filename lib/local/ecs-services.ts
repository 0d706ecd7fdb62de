import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { Target } from '../config/config.ts';
import { programEnvironment } from '../config/program-folders.ts';
import { AwsError } from './aws-error.ts';

type Commands = { readonly stop: readonly string[]; readonly start: readonly string[] };

/** What ECS would know of a service. */
export type LocalService = {
  readonly cluster: string;
  readonly service: string;
  readonly desiredCount: number;
  /** Where its one task is; STOPPED: it has none. */
  readonly taskStatus: 'RUNNING' | 'DEPROVISIONING' | 'STOPPED' | 'PENDING';
};

type Kept = { -readonly [Key in keyof LocalService]: LocalService[Key] } & { readonly commands: Commands | undefined };

const desiredSchema = z.record(z.string(), z.number().int().nonnegative());

/** ECS starts a task again that does not start, after a while. */
const restartMs = 5000;

/**
 * Services of ECS that targets name, as far as this machine can have them: the target's own commands stop and start what stands for the one
 * task. A service runs until somebody sets its desired count to 0, and the counts outlive the stack.
 */
export class EcsServices {
  readonly #services: ReadonlyMap<string, Kept>;
  readonly #file: string;
  readonly #onProblem: (problem: string) => void;
  #switching: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: {
    readonly targets: readonly Pick<Target, 'service'>[];
    readonly stateDirectory: string;
    readonly onProblem: (problem: string) => void;
  }) {
    this.#file = path.join(options.stateDirectory, 'ecs-services.json');
    this.#onProblem = options.onProblem;
    const desired = readDesired(this.#file);
    const named = options.targets.flatMap(({ service }) => (service?.ecs ? [{ ...service, ...service.ecs }] : []));
    this.#services = new Map(
      named.map(({ cluster, service, stop, start }) => {
        const desiredCount = desired[`${cluster}/${service}`] ?? 1;
        const taskStatus = desiredCount > 0 ? 'RUNNING' : 'STOPPED';
        const commands = stop && start && { stop, start };
        return [`${cluster}/${service}`, { cluster, service, desiredCount, taskStatus, commands }] as const;
      }),
    );
  }

  /** Undefined when no target names it. */
  find(cluster: string, service: string): LocalService | undefined {
    return this.#services.get(`${cluster}/${service}`);
  }

  /** Sets the desired count, and has the service follow it; resolves at once, as ECS does. Throws `ServiceNotFoundException`. */
  update(cluster: string, service: string, desiredCount: number): LocalService {
    const found = this.#services.get(`${cluster}/${service}`);
    if (found === undefined) throw new AwsError('ServiceNotFoundException', `there is no service '${service}'`);
    if (found.commands === undefined)
      throw new AwsError('InvalidParameterException', `no target says by which commands '${service}' is switched here`);
    found.desiredCount = desiredCount;
    mkdirSync(path.dirname(this.#file), { recursive: true });
    const counts = [...this.#services].map(([name, one]) => [name, one.desiredCount]);
    writeFileSync(this.#file, JSON.stringify(Object.fromEntries(counts)));
    this.#switching = this.#switching.then(() => this.#follow(found));
    return found;
  }

  /** Waits until every service is as it should be, or has been tried once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#switching;
  }

  async #follow(service: Kept): Promise<void> {
    while (service.desiredCount > 0 !== (service.taskStatus === 'RUNNING')) {
      const isStop = service.desiredCount === 0;
      service.taskStatus = isStop ? 'DEPROVISIONING' : 'PENDING';
      const [program = '', ...args] = service.commands?.[isStop ? 'stop' : 'start'] ?? [];
      try {
        await promisify(execFile)(program, args, { env: { ...programEnvironment() } });
        service.taskStatus = isStop ? 'STOPPED' : 'RUNNING';
        if (isStop && service.desiredCount === 0) return;
      } catch (error) {
        this.#onProblem(`service '${service.service}': ${error instanceof Error ? error.message : error}`);
        if (this.#isClosed) return;
        await delay(restartMs);
      }
    }
  }
}

function readDesired(file: string): z.infer<typeof desiredSchema> {
  try {
    return desiredSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
