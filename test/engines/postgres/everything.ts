import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { escapeIdentifier } from 'pg';
import type { PostgresServer } from '../../servers/postgres.ts';
import { run } from './run-engine.ts';

const folder = path.join(import.meta.dirname, 'everything');

/** Makes the roles and the database that holds all that PostgreSQL offers in that version (test/engines/postgres/everything). */
export async function createEverything(server: PostgresServer, database: string, major: number): Promise<void> {
  await runScript(server, 'postgres', 'cluster');
  await run(server, 'postgres', `create database ${escapeIdentifier(database)}`);
  const parts = ['types', 'tables', 'objects', 'names', 'large-objects'];
  if (major >= 17) parts.push('since-17');
  if (major >= 18) parts.push('since-18');
  for (const part of parts) await runScript(server, database, part);
  const properties = readFileSync(path.join(folder, 'properties.sql'), 'utf8');
  await run(server, 'postgres', properties.replaceAll('{database}', escapeIdentifier(database)));
}

/** By psql, statement by statement: some must be committed before the next can use what they made. */
async function runScript(server: PostgresServer, database: string, name: string): Promise<void> {
  const args = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', `--file=${path.join(folder, name)}.sql`];
  await promisify(execFile)(path.join(server.binDir, 'psql'), args, { env: clientEnvironment(server, database) });
}

const clientEnvironment = (server: PostgresServer, database: string) => ({
  PATH: process.env['PATH'],
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
  PGPASSWORD: server.password,
  PGDATABASE: database,
  PGCLIENTENCODING: 'UTF8',
  PGOPTIONS: '-c timezone=UTC -c bytea_output=hex -c extra_float_digits=3',
});

/**
 * What `pg_dump` writes of the database as an SQL script, with `create database` and all; the random key that guards a script against
 * psql commands in the data is left out.
 */
export async function textDump(server: PostgresServer, database: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(path.join(server.binDir, 'pg_dump'), ['--create'], {
    env: clientEnvironment(server, database),
    maxBuffer: 1 << 30,
  });
  return stdout.split('\n').filter((line) => !/^\\(un)?restrict /.test(line));
}
