import { Client } from 'pg';
import { type PostgresServer, postgresServer } from '../test/servers/postgres.ts';

export const benchDatabase = 'bench';

/**
 * Tables by name, and the SQL that fills each with `rows` rows: about 0.5 GB each at full scale. Accounts are pgbench's own, events are
 * a log; blobs are random bytes (twice as many hex digits in a dump, and as random), tokens are random hex digits in text.
 */
const tables = {
  accounts: {
    rows: 4_000_000,
    query: `select n as id, n / 100000 as branch, (n::bigint * 7919 % 10007)::integer as balance, ''::char(84) as filler
              from generate_series(1, $rows) n`,
  },
  events: {
    rows: 2_600_000,
    query: `select n as id, '2026-01-01Z'::timestamptz + n * interval '731 ms' as at,
                   (array['info', 'info', 'info', 'warning', 'error'])[1 + n % 5] as level,
                   'GET /shops/' || n % 311 || '/orders/' || n::bigint * 7919 % 1000003 || '?page=' || n % 17 || ' HTTP/1.1 200 '
                     || n * 31 % 90001 || ' "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101" ' || n % 997 || ' ms' as message,
                   '10.' || n % 7 || '.' || n % 251 || '.' || n * 13 % 253 as address
              from generate_series(1, $rows) n`,
  },
  blobs: { rows: 560_000, query: 'select n as id, gen_random_bytes(900) as content from generate_series(1, $rows) n' },
  tokens: {
    rows: 2_000_000,
    query: `select n as id, md5(random()::text) || md5(random()::text) || md5(random()::text) || md5(random()::text)
                              || md5(random()::text) || md5(random()::text) as token
              from generate_series(1, $rows) n`,
  },
} as const;

export type BenchServer = PostgresServer & {
  /** What the server says of the database's size on disk. */
  readonly databaseBytes: number;
};

/** A PostgreSQL 17 with the database `bench`: about 2 GB at scale 1, half of it compressible. Ended and removed by disposing it. */
export async function benchServer(
  scale: number,
  /** Over those of a server of this size. */
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const server = await postgresServer({
    major: 17,
    // As on a server of this size; `minimal` spares the filling of the tables its log.
    settings: { shared_buffers: '512MB', wal_level: 'minimal', max_wal_senders: '0', max_wal_size: '4GB', ...settings },
  });
  try {
    await run(server, 'postgres', [`create database ${benchDatabase}`]);
    await run(server, benchDatabase, [
      'create extension pgcrypto',
      ...Object.entries(tables).map(
        ([name, { rows, query }]) =>
          `create table ${name} as ${query.replaceAll('$rows', String(Math.ceil(rows * scale)))}`,
      ),
      ...Object.keys(tables).map((name) => `alter table ${name} add primary key (id)`),
      // The first reader of a row notes in it that it is committed; that work belongs to no contender.
      'vacuum analyze',
      'checkpoint',
    ]);
    const [size] = await run(server, benchDatabase, ['select pg_database_size(current_database()) as bytes']);
    return { ...server, databaseBytes: Number(size?.['bytes']) };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** The rows of the last statement. */
async function run(
  server: PostgresServer,
  database: string,
  statements: readonly string[],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}
