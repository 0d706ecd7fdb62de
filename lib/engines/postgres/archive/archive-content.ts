import type { Content, ContentEntry } from '../../../core/manifest.ts';
import { type DigestSum, digestText } from '../../digest/digest-sum.ts';

/** Tables in the order of their names, and the large objects if there are any, as a manifest has them. */
export function contentOf(
  tables: readonly { readonly schema: string; readonly name: string; readonly sum: DigestSum }[],
  largeObjects: DigestSum | undefined,
): Pick<Content, 'tables' | 'largeObjects'> {
  const entries = tables.map(({ schema, name, sum }) => contentEntry(schema, name, sum));
  entries.sort((one, other) => compare(one.schema, other.schema) || compare(one.name, other.name));
  return largeObjects
    ? { tables: entries, largeObjects: contentEntry('pg_catalog', 'pg_largeobject', largeObjects) }
    : { tables: entries };
}

function contentEntry(schema: string, name: string, sum: DigestSum): ContentEntry {
  return { schema, name, rows: sum.rows, bytes: sum.bytes, digest: digestText(sum) };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
