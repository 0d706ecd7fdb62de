import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, escapeIdentifier } from 'pg';
import { oddDatabase, smallDatabase } from '../engines/postgres/archive/odd-database.ts';
import type { PostgresServer } from '../servers/postgres.ts';

/** The databases of the source: a plain name, and names that break whoever does not quote. */
export const databases = ['shop', '-h', `it's a "quoted" one`] as const;

/** Fills the server with databases, roles and what belongs to a database beside its content. */
export async function fillShop(server: PostgresServer): Promise<void> {
  await run(server, 'postgres', [
    `create role keeper login password 'keeps'`,
    `create role "odd ""role"""`,
    `create role reader in role keeper`,
    ...databases.map(
      (name) =>
        `create database ${escapeIdentifier(name)} owner keeper template template0 lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'`,
    ),
    `alter database shop set search_path to "$user", public, "Weird ""quoted"" schema"`,
    `alter database shop set lc_monetary to 'C'`,
    `alter role reader in database shop set work_mem to '8MB'`,
    `revoke all on database shop from public`,
    `grant connect on database shop to reader, "odd ""role"""`,
    `comment on database shop is 'it''s the shop'`,
    `alter database "-h" connection limit 7`,
  ]);
  // Longer than one object of these tests holds.
  const orders = `create table orders as select g as id, repeat(md5(g::text), 4) as note, (g * 1.5)::numeric::money as total
      from generate_series(1, 40000) g`;
  await run(server, 'shop', [oddDatabase, orders, `alter table simple owner to "odd ""role"""`]);
  await run(server, '-h', [smallDatabase]);
  await run(server, `it's a "quoted" one`, [
    smallDatabase,
    'create table parent (a int); create table child () inherits (parent)',
    'insert into parent values (1); insert into child values (2), (3)',
  ]);
}

/** Runs the statements, each by itself. */
export async function run(server: PostgresServer, database: string, statements: readonly string[]): Promise<void> {
  const { host, port, user, password } = server;
  const client = new Client({ host, port, user, password, database });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** What PostgreSQL's own tools write of the cluster: its globals, and each database whole, as SQL. */
export async function clusterText(
  server: PostgresServer,
  names: readonly string[] = databases,
): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = { globals: await tool(server, 'template1', 'pg_dumpall', ['--globals-only']) };
  for (const name of names) texts[name] = await tool(server, name, 'pg_dump', ['--create']);
  return texts;
}

/** The output of a client tool, without the random key that guards a script against psql commands in the data. */
export async function tool(
  server: PostgresServer,
  database: string,
  program: string,
  args: readonly string[],
): Promise<string> {
  const { stdout } = await promisify(execFile)(path.join(server.binDir, program), args, {
    env: clientEnvironment(server, database),
    maxBuffer: 1 << 28,
  });
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

export const clientEnvironment = (server: PostgresServer, database: string) => ({
  PATH: `${server.binDir}:${process.env['PATH']}`,
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
  PGPASSWORD: server.password,
  PGDATABASE: database,
  PGCLIENTENCODING: 'UTF8',
});
