import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

/** The role that backs up and restores, with a password that is nowhere else in the world. */
export const backupUser = 'holdfast_backup';

/** A PostgreSQL 17 with small databases, and a role for Holdfast. */
export type SourceServer = PostgresServer & {
  readonly backupPassword: string;
  /** Statements as the superuser, each committed by itself. */
  run(database: string, ...statements: readonly string[]): Promise<void>;
  /** The first column of the first row, as text; null when there is none. */
  ask(database: string, question: string): Promise<string | null>;
};

/**
 * Databases by name, and how many kilobytes of random bytes each holds beside a table of orders: compression leaves random bytes as they
 * are, so that the store gets that many.
 */
export type Databases = Readonly<Record<string, { readonly noiseKilobytes: number }>>;

/** Starts the server and fills it. Ended and removed by disposing it. */
export async function sourceServer(databases: Databases): Promise<SourceServer> {
  const server = await postgresServer({ major: 17 });
  const backupPassword = `canary-${randomBytes(12).toString('hex')}`;
  const withClient = async <Result>(database: string, work: (client: Client) => Promise<Result>): Promise<Result> => {
    const client = new Client({ connectionString: server.url(database) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const run: SourceServer['run'] = (database, ...statements) =>
    withClient(database, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  try {
    await run('postgres', `create role ${backupUser} login superuser password '${backupPassword}'`);
    for (const [name, { noiseKilobytes }] of Object.entries(databases)) {
      await run('postgres', `create database "${name}"`);
      await run(
        name,
        'create table orders (id integer primary key, customer text not null, placed timestamptz not null)',
        `insert into orders select n, 'customer ' || n, '2026-01-01Z'::timestamptz + n * interval '1 minute' from generate_series(1, 500) n`,
        'create table noise (id integer primary key, bytes bytea not null)',
        // 32 sixteen-byte random ids: 512 bytes that do not compress, twice as many as hex digits, which do.
        `insert into noise select n, (select string_agg(uuid_send(gen_random_uuid()), ''::bytea) from generate_series(1, 32) where n > 0) from generate_series(1, ${noiseKilobytes * 2}) n`,
      );
    }
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...server,
    backupPassword,
    run,
    ask: (database, question) =>
      withClient(database, async (client) => {
        const { rows } = await client.query<unknown[]>({ text: question, rowMode: 'array' });
        const value = rows[0]?.[0];
        return value === undefined || value === null ? null : String(value);
      }),
  };
}
