import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { findEmbeddedPostgres } from '../../lib/local/postgres-server.ts';
import type { StackFolder } from './stack-fixture.ts';

/** A connection to the catalog that an open stack keeps in its state folder, as its superuser. */
export async function catalogDatabase({
  stateDirectory,
}: StackFolder): Promise<AsyncDisposable & { readonly client: Client }> {
  const databases = join(stateDirectory, 'databases');
  const address = readdirSync(databases)
    .map((identifier) => findEmbeddedPostgres(join(databases, identifier)))
    .find((found) => found !== undefined);
  if (address === undefined) throw new Error(`no catalog runs in '${databases}'`);
  const client = new Client({ ...address, database: 'holdfast' });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
