import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TestedServer } from '../../scripts/servers/redis.ts';
import { type RedisServer, redisServer } from './redis.ts';

/** Three primaries that serve all slots between them. */
export type RedisCluster = AsyncDisposable & { readonly nodes: readonly RedisServer[] };

/** Starts a real cluster of three servers without replicas. */
export async function redisCluster(
  which: TestedServer,
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisCluster> {
  await using stack = new AsyncDisposableStack();
  const nodes: RedisServer[] = [];
  for (let index = 0; index < 3; index++) {
    const node = await redisServer(which, { 'cluster-enabled': 'yes', 'cluster-node-timeout': '5000', ...settings });
    nodes.push(stack.use(node));
  }
  const [first] = nodes;
  const addresses = nodes.map(({ host, port }) => `${host}:${port}`);
  await promisify(execFile)(first?.cli ?? '', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  for (const node of nodes) await untilWhole(node);
  const kept = stack.move();
  return { nodes, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Each node learns of the others' slots by itself. */
async function untilWhole(node: RedisServer): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    const info = String(await node.ask('CLUSTER', 'INFO'));
    if (/cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info)) return;
    await delay(20);
  }
  throw new Error('the cluster did not come together');
}
