import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { tablesAndRows } from '../../core/content-words.ts';
import type { Content } from '../../core/manifest.ts';
import type { Comparison } from '../engine.ts';
import type { TocEntry } from './archive/read-toc.ts';
import { CopyTextDigest } from './archive/row-digest.ts';
import type { LoadedTable } from './load/load-rows.ts';

/**
 * Reads the rows of the tables back on that session, as a dump would, and holds them against what the manifest says of each. The columns are
 * those that the archive loaded, in its order.
 */
export async function compareTables(
  client: Client,
  tables: readonly TocEntry[],
  content: Content | undefined,
): Promise<Pick<Comparison, 'proof' | 'collectionsCompared' | 'itemsCompared' | 'differences'>> {
  const expected = new Map((content?.tables ?? []).map((table) => [keyOf(table), table]));
  const differences: string[] = [];
  let itemsCompared = 0;
  for (const { schema, tag, copyCommand } of tables) {
    const table = `table '${schema}.${tag}'`;
    const wanted = expected.get(keyOf({ schema, name: tag }));
    const found = await readBack(client, copyCommand ?? '');
    itemsCompared += found.rows;
    if (!wanted) differences.push(`${table} has no counts and digests in the backup to compare`);
    else if (found.rows !== wanted.rows)
      differences.push(`${table} has ${found.rows} rows, in the backup ${wanted.rows}`);
    else if (found.digest !== wanted.digest) differences.push(`${table} has other content in its ${found.rows} rows`);
  }
  return { proof: 'compared', collectionsCompared: tables.length, itemsCompared, differences };
}

/**
 * Holds what was loaded against the manifest: the server took as many rows of each table as there were, and was given bytes of the same digest.
 * What the server would give back was not looked at.
 */
export function compareLoaded(loaded: readonly LoadedTable[], content: Content | undefined): Comparison {
  const found = new Map(loaded.map((one) => [keyOf({ schema: one.entry.schema, name: one.entry.tag }), one]));
  const tables = content?.tables ?? [];
  const differences = tables.flatMap((wanted) => {
    const given = found.get(keyOf(wanted));
    if (given?.rows === wanted.rows && given.digest === wanted.digest) return [];
    return [`table '${wanted.schema}.${wanted.name}' was given other rows than the backup has`];
  });
  return {
    same: differences.length === 0,
    words: tablesAndRows,
    proof: 'loaded',
    collectionsCompared: tables.length,
    itemsCompared: tables.reduce((sum, { rows }) => sum + rows, 0),
    differences,
    remarks: [
      "the rows that were loaded have the backup's digests, and the server took as many; they were not read back",
    ],
  };
}

const keyOf = ({ schema, name }: { readonly schema: string; readonly name: string }) => JSON.stringify([schema, name]);

async function readBack(client: Client, copyFromCommand: string) {
  const digest = new CopyTextDigest();
  const rows = client.query(copyTo(copyFromCommand.replace(/FROM stdin;?\s*$/, 'TO stdout')));
  for await (const chunk of rows) digest.write(chunk);
  return digest.end();
}
