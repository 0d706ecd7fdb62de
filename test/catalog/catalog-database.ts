import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type CatalogConnection, type CatalogSettings, connectCatalog } from '../../lib/catalog/connect.ts';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import type { PostgresServer } from '../servers/postgres.ts';

/** The settings under which the test's superuser reaches a database of the server. */
export function settingsFor(server: PostgresServer, database: string): CatalogSettings {
  return {
    host: server.host,
    port: server.port,
    database,
    user: server.user,
    auth: { kind: 'password', password: server.password },
    tls: 'disable',
  };
}

/** A new, empty database. */
export async function newDatabase(server: PostgresServer): Promise<string> {
  const database = `catalog_${randomBytes(4).toString('hex')}`;
  const client = new Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`create database ${database} template template0 encoding 'UTF8'`);
  await client.end();
  return database;
}

/** A new database with the whole schema, and two connections to it: as its owner, and as the role that applies events. */
export async function newCatalog(
  server: PostgresServer,
  /** Of the owner's. @default - the product's */
  limits: Pick<CatalogSettings, 'statementTimeoutSeconds'> = {},
): Promise<AsyncDisposable & { readonly database: string; readonly owner: Client; readonly writer: Client }> {
  const database = await newDatabase(server);
  const settings = settingsFor(server, database);
  const owner: CatalogConnection = await connectCatalog({ ...settings, ...limits, role: 'owner' });
  await migrateCatalog(owner.client);
  const writer: CatalogConnection = await connectCatalog(settings);
  return {
    database,
    owner: owner.client,
    writer: writer.client,
    async [Symbol.asyncDispose]() {
      await writer[Symbol.asyncDispose]();
      await owner[Symbol.asyncDispose]();
    },
  };
}

export const tables = [
  'backup_execution_h',
  'backup_execution_parent_l',
  'backup_execution_s',
  'backup_schedule_execution_l',
  'backup_schedule_h',
  'backup_schedule_s',
  'recovery_operation_execution_l',
  'recovery_operation_h',
  'recovery_operation_s',
  'validation_results',
] as const;

/** What else is made from events alone, in the internal schema. */
const internalProjections = ['audit_entry', 'installation', 'target', 'tenant'] as const;

/** Every row that is made from events, of the nine tables and beside them, every column, as text. */
export async function allRows(client: Client): Promise<Record<string, readonly string[]>> {
  const rows: Record<string, readonly string[]> = {};
  const all = [
    ...tables.map((name) => `backup_mgmt.${name}`),
    ...internalProjections.map((name) => `holdfast.${name}`),
  ];
  for (const table of all) {
    const result = await client.query<{ row: string }>(
      `select "table"::text as row from ${table} as "table" order by 1`,
    );
    rows[table.split('.')[1] ?? table] = result.rows.map(({ row }) => row);
  }
  return rows;
}

/** Back to an empty catalog. Deleting a few rows takes a fraction of what truncating the tables does. */
export async function emptyCatalog(owner: Client): Promise<void> {
  const hubsLast = [...tables].sort((a, b) => Number(a.endsWith('_h')) - Number(b.endsWith('_h')));
  const internal = ['applied_event', 'request', ...internalProjections].map((name) => `holdfast.${name}`);
  // Only a superuser gets past the trigger that keeps the audit trail, and only so.
  await owner.query('set session_replication_role = replica');
  for (const table of [...internal, ...hubsLast.map((name) => `backup_mgmt.${name}`)])
    await owner.query(`delete from ${table}`);
  await owner.query('reset session_replication_role');
}
