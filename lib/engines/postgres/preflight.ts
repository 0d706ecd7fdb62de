import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import { type Client, escapeLiteral } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { DatabaseFacts } from './database-facts.ts';
import type { GlobalsPlan } from './restore-globals.ts';
import type { Server } from './server.ts';

/**
 * Asks everything that would make a restore fail late, before anything is changed. Rejects with `target-not-empty` for a destination that
 * exists and may not be replaced, and with `preflight-failed`, naming every reason, for the rest.
 */
export async function checkDestination(
  client: Client,
  options: {
    readonly server: Server;
    readonly databases: readonly { readonly destination: string; readonly facts: DatabaseFacts }[];
    readonly globals: GlobalsPlan | undefined;
    readonly replace: boolean;
  },
): Promise<void> {
  const { server, databases, globals, replace } = options;
  const problems: string[] = [];
  const needed = (pick: (facts: DatabaseFacts) => readonly string[]) => [
    ...new Set(databases.flatMap(({ facts }) => pick(facts))),
  ];

  if (server.inRecovery) problems.push('the server is a standby, which takes no writes');
  const newest = Math.max(...databases.map(({ facts }) => facts.major));
  if (newest > server.major)
    problems.push(`the backup is of PostgreSQL ${newest}, and the server is ${server.version}, which is older`);

  const extensions = needed((facts) => facts.extensions.map(({ name }) => name));
  problems.push(
    ...(await missing(client, 'extension', extensions, 'select name from pg_available_extensions')),
    ...(await missing(
      client,
      'role',
      needed((facts) => facts.roles).filter((name) => !globals?.roles.includes(name)),
      'select rolname as name from pg_roles',
    )),
    ...(await missing(
      client,
      'tablespace',
      needed((facts) => facts.tablespaces).filter((name) => !globals?.tablespaces.includes(name)),
      'select spcname as name from pg_tablespace',
    )),
  );

  for (const locale of needed(({ lcMonetary }) => (lcMonetary === null ? [] : [lcMonetary])))
    if (!(await hasLocale(client, locale)))
      problems.push(`the server's system has no locale '${locale}', under which the backup's money values are written`);

  const bytes = databases.reduce((sum, { facts }) => sum + facts.sizeBytes, 0);
  const freeBytes = await freeDiskBytes(client, server);
  if (freeBytes !== undefined && freeBytes < bytes)
    problems.push(`the data folder's disk has ${freeBytes} bytes free, and the databases had ${bytes}`);

  const existing: string[] = [];
  for (const { destination } of databases) {
    const uses = await usesOf(client, destination);
    if (uses === undefined) continue;
    existing.push(destination);
    if (replace) problems.push(...uses.map((use) => `database '${destination}' ${use}`));
  }
  if (existing.length > 0 && !replace) throw destinationTaken(existing);
  if (problems.length > 0) throw new HoldfastError('preflight-failed', problems.join('; '));
}

/** The destinations exist and may not be replaced. */
export function destinationTaken(names: readonly string[]): HoldfastError {
  return new HoldfastError(
    'target-not-empty',
    `database ${names.map((name) => `'${name}'`).join(', ')} exists already`,
  );
}

async function missing(client: Client, kind: string, wanted: readonly string[], query: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(query);
  const present = new Set(rows.map(({ name }) => name));
  return wanted.filter((name) => !present.has(name)).map((name) => `the server has no ${kind} '${name}'`);
}

async function hasLocale(client: Client, locale: string): Promise<boolean> {
  try {
    await client.query(`set lc_monetary to ${escapeLiteral(locale)}`);
    await client.query('reset lc_monetary');
    return true;
  } catch {
    return false;
  }
}

/** Undefined when there is no such database; otherwise what would keep it from being renamed or dropped. */
async function usesOf(client: Client, database: string): Promise<string[] | undefined> {
  const { rows } = await client.query<{ prepared: number; slots: number; subscriptions: number; template: boolean }>(
    `select (select count(*) from pg_prepared_xacts p where p.database = d.datname)::int as prepared,
            (select count(*) from pg_replication_slots s where s.database = d.datname)::int as slots,
            (select count(*) from pg_subscription s where s.subdbid = d.oid)::int as subscriptions,
            d.datname in ('template0', 'template1') as template
       from pg_database d where d.datname = $1`,
    [database],
  );
  const row = rows[0];
  if (!row) return undefined;
  return [
    ...(row.template ? ['is what new databases are made from, and is not replaced'] : []),
    ...(row.prepared > 0 ? [`has ${row.prepared} prepared transactions: commit or roll them back`] : []),
    ...(row.slots > 0 ? [`has ${row.slots} logical replication slots, which would be lost: drop them first`] : []),
    ...(row.subscriptions > 0
      ? [`has ${row.subscriptions} subscriptions, which keep it from being dropped: drop them first`]
      : []),
  ];
}

/** Known only when the server runs on this machine and lets us see where: postmaster.pid proves that it is this very server. */
async function freeDiskBytes(client: Client, server: Server): Promise<number | undefined> {
  if (!server.isSuperuser) return undefined;
  const { rows } = await client.query<{ folder: string; began: string }>(
    `select current_setting('data_directory') as folder,
            floor(extract(epoch from pg_postmaster_start_time()))::bigint::text as began`,
  );
  const row = rows[0];
  if (!row) return undefined;
  try {
    const lines = (await readFile(path.join(row.folder, 'postmaster.pid'), 'utf8')).split('\n');
    // The file's time is taken a moment before or after the one that the server tells.
    if (Math.abs(Number(lines[2]) - Number(row.began)) > 5) return undefined;
    const disk = await statfs(row.folder);
    return disk.bavail * disk.bsize;
  } catch {
    return undefined;
  }
}
