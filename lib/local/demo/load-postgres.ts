import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

/** The databases of the demo target. The second is named like an option, as a reminder to every tool that gets it as an argument. */
export const demoDatabases = ['shop', '-h'] as const;

/** The mark of data that were loaded to the end; a new number makes every demo start over. */
const complete = 'Holdfast demo data, version 1, complete';

const files: Readonly<Record<(typeof demoDatabases)[number], readonly string[]>> = {
  shop: [
    '10-roles.sql',
    '20-types.sql',
    '30-shop.sql',
    '40-ledger.sql',
    '50-audit.sql',
    '60-views.sql',
    '70-odd-names.sql',
  ],
  '-h': ['80-option-like.sql'],
};

/**
 * Fills the server with the demo target's data, some 100 MB in a few seconds, unless they are there. They are the same on every machine.
 * Resolves with whether they were loaded now. `progress` gets a line for each step.
 *
 * Invariant: a database carries the mark as its comment only when its last statement is committed. One without it is what a crash left,
 * and is dropped and made again.
 */
export async function loadDemoData(server: pg.ClientConfig, progress: (line: string) => void): Promise<boolean> {
  let isLoaded = false;
  for (const database of demoDatabases) {
    if (await isComplete(server, database)) continue;
    await inDatabase(server, 'postgres', async (client) => {
      await client.query(`drop database if exists ${pg.escapeIdentifier(database)} with (force)`);
      await client.query(`create database ${pg.escapeIdentifier(database)} template template0`);
    });
    await inDatabase(server, database, async (client) => {
      for (const [index, file] of files[database].entries()) {
        progress(`demo data: database '${database}', step ${index + 1} of ${files[database].length}`);
        await client.query(readFileSync(path.join(import.meta.dirname, 'sql', file), 'utf8'));
      }
      await client.query('set default_statistics_target = 10; analyze');
      await client.query(`comment on database ${pg.escapeIdentifier(database)} is ${pg.escapeLiteral(complete)}`);
    });
    isLoaded = true;
  }
  return isLoaded;
}

async function isComplete(server: pg.ClientConfig, database: string): Promise<boolean> {
  const sql = `select shobj_description(oid, 'pg_database') = $2 as complete from pg_database where datname = $1`;
  return inDatabase(server, 'postgres', async (client) => {
    const { rows } = await client.query<{ complete: boolean | null }>(sql, [database, complete]);
    return rows[0]?.complete ?? false;
  });
}

async function inDatabase<T>(
  server: pg.ClientConfig,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...server, database, application_name: 'holdfast demo data' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
