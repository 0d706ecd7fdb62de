import { type Client, DatabaseError } from 'pg';
import { HoldfastError } from '../core/errors.ts';
import { migrations as embedded, type Migration } from './migrations.ts';

/** What a migration run found and did. Versions count from 1; 0 is an empty database. */
export type MigrationResult = { readonly from: number; readonly to: number; readonly applied: readonly string[] };

/**
 * Brings the catalog's schema up to this program's version. Idempotent, and safe with any number of runs at once.
 *
 * Invariant: a version's row and its changes are committed together. The row is inserted first, so a second runner waits on its
 * primary key and finds the work done; a crash at any point leaves the last whole version. Throws `version-mismatch` when a newer
 * Holdfast has migrated the database already.
 *
 * @param client connected as the catalog's owner, outside a transaction
 */
export async function migrateCatalog(
  client: Client,
  migrations: readonly Migration[] = embedded,
): Promise<MigrationResult> {
  await createVersionTable(client);
  const from = await catalogVersion(client);
  if (from > migrations.length) {
    throw new HoldfastError(
      'version-mismatch',
      `catalog schema version ${from} is newer than this program's ${migrations.length}`,
      { hint: 'deploy the Holdfast that migrated it, or a later one; nothing was changed' },
    );
  }
  const applied: string[] = [];
  for (const migration of migrations.slice(from)) {
    if (await applyMigration(client, migration)) applied.push(migration.name);
  }
  return { from, to: migrations.length, applied };
}

/** The version that the schema has; 0 when it was never migrated. */
export async function catalogVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'select coalesce(max(version), 0)::int as version from holdfast.migration',
  );
  return rows[0]?.version ?? 0;
}

/** The version that this program works with. */
export const programVersion: number = embedded.length;

async function createVersionTable(client: Client): Promise<void> {
  try {
    await client.query('create schema if not exists holdfast');
    await client.query(
      `create table if not exists holdfast.migration (
        version integer not null,
        name text not null,
        applied_at timestamptz not null default now(),
        constraint migration_pk primary key (version)
      )`,
    );
  } catch (error) {
    // 'if not exists' looks before it leaps: two runs that both saw nothing collide in the system catalogs. The other one won.
    if (!hasState(error, ['23505', '42P06', '42P07', '42710'])) throw error;
    await createVersionTable(client);
  }
}

/** False when another run applied it meanwhile. */
async function applyMigration(client: Client, migration: Migration): Promise<boolean> {
  await client.query('begin');
  try {
    // Must come first: it is what makes a concurrent run wait, and then fail here.
    await client.query('insert into holdfast.migration (version, name) values ($1::integer, $2::text)', [
      migration.version,
      migration.name,
    ]);
    await client.query(migration.sql);
    await client.query('commit');
    return true;
  } catch (error) {
    await client.query('rollback');
    if (error instanceof DatabaseError && error.constraint === 'migration_pk') return false;
    throw error;
  }
}

const hasState = (error: unknown, states: readonly string[]): boolean =>
  error instanceof DatabaseError && states.includes(error.code ?? '');
