import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { promptClient } from '../config/prompt-client.ts';
import type { EcsService } from '../config/targets/service.ts';
import { HoldfastError } from '../core/errors.ts';

/** What is asked of ECS about one service. Rejects with `service-not-switched`. */
export type EcsApi = {
  describe(): Promise<{ readonly desiredCount: number; readonly activeCount: number }>;
  setDesiredCount(count: number): Promise<void>;
  /** ARNs of its tasks that have not been told to stop. */
  tasks(): Promise<readonly string[]>;
  /** How many of those tasks have not stopped yet: one that was told to takes its time, and does not count as running any more. */
  unstopped(tasks: readonly string[]): Promise<number>;
  close(): void;
};

/** As many as `DescribeTasks` takes at once. */
const mostDescribed = 100;

/** ECS, about one service. */
export function ecsApi({ cluster, service }: EcsService): EcsApi {
  const client = new ECSClient(promptClient());
  const what = `the ECS service '${service}' of cluster '${cluster}'`;
  const ask = async <Answer>(doing: string, answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (cause) {
      const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new HoldfastError('service-not-switched', `${doing} ${what} failed: ${why}`, { cause });
    }
  };
  return {
    async describe() {
      const { services = [] } = await ask(
        'describing',
        client.send(new DescribeServicesCommand({ cluster, services: [service] })),
      );
      const [found] = services;
      if (found === undefined || found.status !== 'ACTIVE')
        throw new HoldfastError('service-not-switched', `${what} is not there`, {
          hint: "do the names in the target's 'service.ecs' setting exist in this account and region?",
        });
      const { desiredCount = 0, runningCount = 0, pendingCount = 0 } = found;
      return { desiredCount, activeCount: runningCount + pendingCount };
    },
    async setDesiredCount(desiredCount) {
      await ask('updating', client.send(new UpdateServiceCommand({ cluster, service, desiredCount })));
    },
    async tasks() {
      const found: string[] = [];
      for (let nextToken: string | undefined, isFirst = true; isFirst || nextToken; isFirst = false) {
        const page = await ask(
          'listing the tasks of',
          client.send(new ListTasksCommand({ cluster, serviceName: service, nextToken })),
        );
        found.push(...(page.taskArns ?? []));
        nextToken = page.nextToken;
      }
      return found;
    },
    async unstopped(tasks) {
      let count = 0;
      for (let at = 0; at < tasks.length; at += mostDescribed) {
        const page = tasks.slice(at, at + mostDescribed);
        const described = await ask(
          'describing the tasks of',
          client.send(new DescribeTasksCommand({ cluster, tasks: page })),
        );
        // What is not there any more stopped long ago.
        count += (described.tasks ?? []).filter(({ lastStatus }) => lastStatus !== 'STOPPED').length;
      }
      return count;
    },
    close: () => client.destroy(),
  };
}
