import type { TocEntry } from '../archive/read-toc.ts';

/** What of an archive is put back when, by the ids of its entries, each in the archive's own order. */
export type EntryLists = {
  /** Schemas, types, functions, tables without indexes. */
  readonly before: readonly number[];
  /** Tables whose rows are loaded by `COPY`. */
  readonly tables: readonly TocEntry[];
  readonly largeObjects: readonly number[];
  /** What has no block of its own in the data section: positions of sequences. */
  readonly statements: readonly number[];
  /** Indexes and constraints: what takes its time and locks its own table alone, so that several can be made side by side. */
  readonly indexes: readonly number[];
  /**
   * Foreign keys, indexes that become parts of others, triggers: each locks several tables, and two jobs of pg_restore that make them deadlock now
   * and then. And all privileges, since an owner may have withdrawn from himself what loading takes.
   */
  readonly after: readonly number[];
};

const builtAlone: ReadonlySet<string> = new Set(['INDEX', 'CONSTRAINT']);
const privileges: ReadonlySet<string> = new Set(['ACL', 'DEFAULT ACL']);

/** Sorts the entries that are wanted into the steps of a restore. Comments and labels go with what they are on, as pg_restore has it. */
export function listEntries(entries: readonly TocEntry[], isWanted: (entry: TocEntry) => boolean): EntryLists {
  const before: number[] = [];
  const tables: TocEntry[] = [];
  const largeObjects: number[] = [];
  const statements: number[] = [];
  const indexes: number[] = [];
  const after: number[] = [];
  let section: TocEntry['section'] = 'pre-data';
  for (const entry of entries) {
    if (entry.section !== 'none') section = entry.section;
    if (!isWanted(entry)) continue;
    if (privileges.has(entry.kind)) after.push(entry.dumpId);
    // Since 17 large objects are made within the data section, and filled by blocks that come later.
    else if (section === 'pre-data' || entry.kind === 'BLOB METADATA') before.push(entry.dumpId);
    else if (section === 'post-data') (builtAlone.has(entry.kind) ? indexes : after).push(entry.dumpId);
    else if (!entry.hasData) statements.push(entry.dumpId);
    else if (entry.kind === 'TABLE DATA') tables.push(entry);
    else largeObjects.push(entry.dumpId);
  }
  return { before, tables, largeObjects, statements, indexes, after };
}
