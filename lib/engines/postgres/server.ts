import type { Client } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { type Connection, connect } from './connection.ts';
import { fromServerError } from './errors.ts';

/** The server as a session sees it. */
export type Server = {
  /** E.g. `17.11`. */
  readonly version: string;
  /** E.g. `170011`. */
  readonly versionNumber: number;
  readonly major: number;
  /** Identifies the cluster for life; null when this user may not ask. */
  readonly systemIdentifier: string | null;
  readonly inRecovery: boolean;
  readonly user: string;
  readonly isSuperuser: boolean;
  readonly readsAllData: boolean;
  /** Only who reads pg_authid gets the roles' password verifiers into the globals. */
  readonly readsRolePasswords: boolean;
  readonly freeConnections: number;
  readonly isEncrypted: boolean;
};

const serverQuery = `
select current_setting('server_version') as version,
       current_setting('server_version_num')::int as "versionNumber",
       case when has_function_privilege('pg_control_system()', 'execute')
            then (select system_identifier::text from pg_control_system()) end as "systemIdentifier",
       pg_is_in_recovery() as "inRecovery",
       current_user as "user",
       r.rolsuper as "isSuperuser",
       r.rolsuper or coalesce(pg_has_role(r.oid, (select oid from pg_roles where rolname = 'pg_read_all_data'), 'usage'), false)
         as "readsAllData",
       has_table_privilege('pg_catalog.pg_authid', 'select') as "readsRolePasswords",
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - (select sum(numbackends) from pg_stat_database)::int as "freeConnections",
       coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as "isEncrypted"
  from pg_roles r
 where r.rolname = current_user`;

/** What server this is. Whether its version is supported is for `findClientTools` to say. */
export async function readServer(client: Client): Promise<Server> {
  const { rows } = await client.query<Omit<Server, 'major'>>(serverQuery);
  const row = rows[0];
  if (!row) throw new HoldfastError('internal', 'the server does not know the role of its own session');
  // `17.11 (Debian 17.11-1)` is how packagers write it.
  const version = row.version.split(' ')[0] ?? row.version;
  const major = Math.floor(row.versionNumber / 10_000);
  return { ...row, version, major };
}

/**
 * A session for questions about the whole server: on the maintenance database, or on one of the databases to back up where that one
 * does not exist or refuses us.
 */
export async function connectToServer(
  connection: Connection,
  options: Pick<NonNullable<Parameters<typeof connect>[2]>, 'isPlain' | 'statementTimeoutSeconds' | 'signal'> = {},
): Promise<Client> {
  const named = connection.databases === 'all' ? [] : connection.databases;
  let first: unknown;
  for (const database of [connection.maintenanceDatabase, ...named]) {
    try {
      return await connect(connection, database, { statementTimeoutSeconds: 60, ...options });
    } catch (error) {
      first ??= error;
      const mayTryNext =
        error instanceof HoldfastError && ['database-missing', 'privilege-missing'].includes(error.code);
      if (!mayTryNext) throw error;
    }
  }
  throw fromServerError(first, 'no database to connect to');
}

export type DatabaseSummary = { readonly name: string; readonly sizeBytes: number };

const databasesQuery = `
select d.datname as name,
       case when has_database_privilege(d.oid, 'connect') then pg_database_size(d.oid)::float8 else 0 end as "sizeBytes"
  from pg_database d
 where d.datallowconn and d.datname not in ('template0', 'template1')
   and not (d.datname like 'holdfast-re%' and coalesce(shobj_description(d.oid, 'pg_database'), '') like 'holdfast {%')
 order by d.datname`;

/**
 * Every database that takes connections, except the server's own templates and what restores left or are working on. A template of the
 * user's own holds what he put into it.
 */
async function readDatabases(client: Client): Promise<DatabaseSummary[]> {
  return (await client.query<DatabaseSummary>(databasesQuery)).rows;
}

/** The databases to back up by name. One that does not exist is in the list too, with size 0: its stream fails by itself. */
export async function chosenDatabases(client: Client, connection: Connection): Promise<DatabaseSummary[]> {
  const present = await readDatabases(client);
  if (connection.databases === 'all') {
    const excluded = new Set(connection.exclude);
    return present.filter(({ name }) => !excluded.has(name));
  }
  return [...new Set(connection.databases)].map(
    (name) => present.find((database) => database.name === name) ?? { name, sizeBytes: 0 },
  );
}
