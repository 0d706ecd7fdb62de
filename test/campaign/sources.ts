import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { PostgresServer } from '../servers/postgres.ts';

/** The databases that campaigns back up: small, so that a run takes a second; one longer than an object of theirs holds. */
export const sourceNames = ['small', 'wide', 'long'] as const;
export type SourceName = (typeof sourceNames)[number];

/** What a backup of a database has to give back: the SHA-256 of what pg_dump writes of it as SQL. */
export type Truth = { readonly sql: string };

/** A session's settings, of both who dumps the source and who reads a backup: the same rows, the same text. */
export const sessionSettings =
  '-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=3';

/** The SHA-256 of SQL text, without the random word with which newer tools guard a script. */
export function hashOfSql(text: string): string {
  return createHash('sha256')
    .update(text.replaceAll(/^\\(un)?restrict .*$/gm, ''))
    .digest('hex');
}

/** Fills the server, and says what its databases hold by its own tools' word. */
export async function fillSources(server: PostgresServer): Promise<{
  readonly truths: Readonly<Record<SourceName, Truth>>;
  readonly globals: string;
  readonly canaries: readonly string[];
}> {
  const canary = `row-canary-${randomBytes(12).toString('hex')}`;
  await run(
    server,
    'postgres',
    sourceNames.map((name) => `create database "${name}"`),
  );
  await run(server, 'small', [
    'create table person (id integer primary key, name text not null, born date)',
    `insert into person select n, '${canary} ' || n, '1970-01-01'::date + n from generate_series(1, 300) n`,
    'create index person_name on person (name)',
    "create view adult as select * from person where born < now() - interval '18 years'",
  ]);
  await run(server, 'wide', [
    'create schema "Odd ""schema"""',
    ...Array.from(
      { length: 12 },
      (_, n) =>
        `create table "Odd ""schema"""."table ${n}" as select g as id, '${canary} ${n}' as note from generate_series(1, 20) g`,
    ),
    `select lo_from_bytea(0, convert_to('${canary} ' || g, 'UTF8')) from generate_series(1, 3) g`,
    'create table empty (a integer)',
  ]);
  await run(server, 'long', [
    'create table noise (id integer primary key, bytes bytea not null)',
    // 32 sixteen-byte random ids: bytes that do not compress.
    `insert into noise select n, (select string_agg(uuid_send(gen_random_uuid()), ''::bytea) from generate_series(1, 32) where n > 0) from generate_series(1, 2600) n`,
    `create table note as select '${canary}'::text as line`,
  ]);
  const texts = await Promise.all(
    sourceNames.map(async (name) => [name, { sql: hashOfSql(await toolText(server, 'pg_dump', name, [])) }] as const),
  );
  return {
    truths: Object.fromEntries(texts) as Record<SourceName, Truth>,
    globals: hashOfSql(await toolText(server, 'pg_dumpall', 'postgres', ['--globals-only'])),
    canaries: [canary],
  };
}

async function run(server: PostgresServer, database: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function toolText(
  server: PostgresServer,
  program: string,
  database: string,
  args: readonly string[],
): Promise<string> {
  const { stdout } = await promisify(execFile)(path.join(server.binDir, program), args, {
    env: {
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: database,
      PGCLIENTENCODING: 'UTF8',
      PGOPTIONS: sessionSettings,
    },
    maxBuffer: 1 << 28,
  });
  return stdout;
}
