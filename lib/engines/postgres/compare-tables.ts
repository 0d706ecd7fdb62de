import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Content } from '../../core/manifest.ts';
import type { Comparison } from '../engine.ts';
import type { TocEntry } from './archive/read-toc.ts';
import { CopyTextDigest } from './archive/row-digest.ts';

/**
 * Reads the rows of the tables back on that session, as a dump would, and holds them against what the manifest says of each. The columns are
 * those that the archive loaded, in its order.
 */
export async function compareTables(
  client: Client,
  tables: readonly TocEntry[],
  content: Content | undefined,
): Promise<Pick<Comparison, 'tablesCompared' | 'rowsCompared' | 'differences'>> {
  const expected = new Map((content?.tables ?? []).map((table) => [keyOf(table), table]));
  const differences: string[] = [];
  let rowsCompared = 0;
  for (const { schema, tag, copyCommand } of tables) {
    const table = `table '${schema}.${tag}'`;
    const wanted = expected.get(keyOf({ schema, name: tag }));
    const found = await readBack(client, copyCommand ?? '');
    rowsCompared += found.rows;
    if (!wanted) differences.push(`${table} has no counts and digests in the backup to compare`);
    else if (found.rows !== wanted.rows)
      differences.push(`${table} has ${found.rows} rows, in the backup ${wanted.rows}`);
    else if (found.digest !== wanted.digest) differences.push(`${table} has other content in its ${found.rows} rows`);
  }
  return { tablesCompared: tables.length, rowsCompared, differences };
}

const keyOf = ({ schema, name }: { readonly schema: string; readonly name: string }) => JSON.stringify([schema, name]);

async function readBack(client: Client, copyFromCommand: string) {
  const digest = new CopyTextDigest();
  const rows = client.query(copyTo(copyFromCommand.replace(/FROM stdin;?\s*$/, 'TO stdout')));
  for await (const chunk of rows) digest.write(chunk);
  return digest.end();
}
