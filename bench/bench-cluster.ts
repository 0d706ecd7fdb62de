import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type PostgresServer, postgresServer } from '../test/servers/postgres.ts';
import { benchScale } from './scale.ts';

/**
 * A PostgreSQL 17 with about 3 GB at scale 1: pgbench's tables (two thirds), and a table of wide texts that compress to a third or so. Ended and
 * removed by disposing it.
 */
export async function benchCluster(): Promise<PostgresServer> {
  const server = await postgresServer({
    major: 17,
    settings: { shared_buffers: '256MB', max_wal_size: '4GB', max_wal_senders: '10', summarize_wal: 'on' },
  });
  try {
    await promisify(execFile)(
      join(server.binDir, 'pgbench'),
      ['--initialize', `--scale=${Math.max(1, Math.round(130 * benchScale))}`, '--quiet'],
      { env: toolEnvironment(server) },
    );
    const client = new Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query(`create table wide as
      select n as id, md5(n::text) || repeat(md5((n / 7)::text), 60) || md5(random()::text) as content
        from generate_series(1, ${Math.ceil(500_000 * benchScale)}) n`);
    await client.query('vacuum analyze');
    await client.query('checkpoint');
    await client.end();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** What PostgreSQL's own programs need to reach the server. */
export const toolEnvironment = (server: PostgresServer): Record<string, string> => ({
  PATH: `${server.binDir}:${process.env['PATH']}`,
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
  PGPASSWORD: server.password,
  PGDATABASE: 'postgres',
});
