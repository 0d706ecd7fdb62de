import path from 'node:path';
import { Client } from 'pg';
import type { EngineProgress } from '../../../lib/engines/engine.ts';
import type { DumpLimits } from '../../../lib/engines/postgres/dump-limits.ts';
import { findClientTools } from '../../../lib/engines/postgres/tools.ts';
import { ensurePostgres, type PostgresMajor } from '../../../scripts/servers/postgres.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { type TestContext, testContext } from '../saved-streams.ts';

/** The tools of the test servers, wherever scripts/servers found them. */
export async function testTools(major: number) {
  const root = await ensurePostgres(major as PostgresMajor, () => {});
  return findClientTools(major, { folders: [path.join(root, 'bin')], elsewhere: [] });
}

/** A context for the server with a scratch folder of its own; `connection` overrides single settings. */
export function contextFor(
  server: Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>,
  options: {
    readonly connection?: Record<string, unknown>;
    readonly parallelJobs?: number;
    readonly options?: Partial<DumpLimits>;
    readonly signal?: AbortSignal;
    readonly progress?: (event: EngineProgress) => void;
  } = {},
): TestContext {
  return testContext({
    target: 'orders',
    connection: {
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
      sslmode: 'disable',
      ...options.connection,
    },
    parallelJobs: options.parallelJobs ?? 1,
    options: { lockTimeoutSeconds: 10, statementTimeoutSeconds: 0, giveWaySeconds: 60, ...options.options },
    ...(options.signal && { signal: options.signal }),
    ...(options.progress && { progress: options.progress }),
  });
}

/** A session on the server's database that ends with the scope. */
export async function session(
  server: Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>,
  database: string,
): Promise<Client & AsyncDisposable> {
  const client = new Client({ ...server, database });
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** Runs a script (several statements) in the database. */
export async function run(server: PostgresServer, database: string, script: string): Promise<void> {
  await using client = await session(server, database);
  await client.query(script);
}

export async function databaseNames(server: PostgresServer): Promise<string[]> {
  await using client = await session(server, 'postgres');
  const { rows } = await client.query<{ datname: string }>('select datname from pg_database order by datname');
  return rows.map(({ datname }) => datname);
}
