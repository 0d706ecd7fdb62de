import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PostgresServer } from '../servers/postgres.ts';

export const schemaFile = path.join(import.meta.dirname, '../../sql/schema.sql');

/** The database's schema as pg_dump writes it, without what differs between two runs or two minor versions of it. */
export async function schemaDump(server: PostgresServer, database: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    path.join(server.binDir, 'pg_dump'),
    ['--schema-only', '--no-owner', '--dbname', server.url(database)],
    { maxBuffer: 16 * 1024 * 1024 },
  );
  const body = stdout
    .split('\n')
    .filter((line) => !/^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )/.test(line))
    .join('\n')
    .replaceAll(`FOR ROLE ${server.user} `, 'FOR ROLE owner ')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
  return `-- What sql/migrations result in, as pg_dump of PostgreSQL 17 writes it. Made by scripts/dump-catalog-schema.ts.\n\n${body}\n`;
}
