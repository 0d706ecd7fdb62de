import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { PostgresServer } from '../../../servers/postgres.ts';

const run = promisify(execFile);

/** Runs one of a server's own client tools with stdout as a pipe, and gives what it wrote. */
export async function tool(server: PostgresServer, name: string, ...args: string[]): Promise<Buffer> {
  const child = spawn(path.join(server.binDir, name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, errors, code] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ]);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${errors}`);
  return out;
}

/** Runs SQL in the database; gives rows as text, columns separated by '|'. */
export async function sql(server: PostgresServer, database: string, command: string): Promise<string> {
  const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', server.url(database), '-c', command];
  return (await run(path.join(server.binDir, 'psql'), args, { maxBuffer: 2 ** 26 })).stdout.trimEnd();
}

export async function createDatabase(server: PostgresServer, database: string, commands: string): Promise<void> {
  await sql(server, 'postgres', `create database ${database} template template0 encoding 'UTF8' locale 'C'`);
  await sql(server, database, commands);
}

/** An archive as a backup takes it: uncompressed, written to a pipe. */
export function dump(server: PostgresServer, database: string, ...options: string[]): Promise<Buffer> {
  return tool(server, 'pg_dump', '-Fc', '-Z0', ...options, '-d', server.url(database));
}
