import type { RedisServer } from '../../servers/redis.ts';
import { type TestContext, testContext } from '../saved-streams.ts';

/** A context for the server; `options` are the target's own settings. */
export function contextFor(
  server: Pick<RedisServer, 'host' | 'port'>,
  {
    connection,
    options = {},
    ...rest
  }: {
    readonly connection?: Record<string, unknown>;
    readonly options?: Record<string, unknown>;
    readonly parallelJobs?: number;
    readonly signal?: AbortSignal;
  } = {},
): TestContext {
  return testContext({
    target: 'cache',
    connection: { host: server.host, port: server.port, sslmode: 'disable', ...connection },
    parallelJobs: 2,
    options,
    ...rest,
  });
}

/** The numbers of the databases that have keys. */
export async function usedDatabases(server: RedisServer): Promise<string[]> {
  const info = String(await server.ask('INFO', 'keyspace'));
  return [...info.matchAll(/^db(\d+):/gm)].map(([, number]) => number ?? '').sort();
}

/** Sends commands one after another in a database. */
export async function run(
  server: RedisServer,
  commands: readonly (readonly (string | number | Buffer)[])[],
  database = 0,
): Promise<void> {
  await using session = await server.connect();
  if (database !== 0) await session.ask(['SELECT', database]);
  for (const command of commands) await session.ask(command);
}
