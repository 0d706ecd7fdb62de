import { HoldfastError } from '../../../core/errors.ts';
import type { Selection, TableName } from '../../../core/selection.ts';
import type { TocEntry } from '../archive/read-toc.ts';

/** Kinds of entries that people name as tables. */
export const relationKinds: ReadonlySet<string> = new Set([
  'TABLE',
  'FOREIGN TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
  'SEQUENCE',
]);

/** Entries that say something about the one object that they depend on. */
const sayingOf: ReadonlySet<string> = new Set(['ACL', 'COMMENT', 'SECURITY LABEL', 'SEQUENCE SET']);

/** Entries that belong to a relation on which they depend, whatever they are called. */
const ofRelation: ReadonlySet<string> = new Set([
  'TABLE DATA',
  'MATERIALIZED VIEW DATA',
  'STATISTICS DATA',
  'INDEX',
  'INDEX ATTACH',
  'STATISTICS',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'TABLE ATTACH',
  'ROW SECURITY',
]);

/** Entries whose tag begins with the table that they belong to; they may depend on others too, as a foreign key does. */
const taggedByRelation: ReadonlySet<string> = new Set([
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'DEFAULT',
  'TRIGGER',
  'RULE',
  'POLICY',
]);

/** The entries that a selection takes, and those that they need beside. */
export type Chosen = { readonly selected: ReadonlySet<number>; readonly needed: readonly TocEntry[] };

/**
 * What of an archive makes up the selection: the named schemas with all that is in them, the named tables with all that belongs to them
 * (rows, indexes, constraints, sequences, partitions, privileges, comments), and `also`. `needed` is what those depend on, directly and
 * indirectly, and do not hold: types, functions, referenced tables, schemas, extensions. Throws `usage` for a name that the archive lacks.
 */
export function selectEntries(
  entries: readonly TocEntry[],
  selection: Pick<Selection, 'schemas' | 'tables'>,
  also: ReadonlySet<number> = new Set(),
): Chosen {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const selected = new Set([...rootsOf(entries, selection), ...also]);
  const add = (entry: TocEntry): boolean => {
    if (selected.has(entry.dumpId)) return false;
    selected.add(entry.dumpId);
    return true;
  };
  for (let hasGrown = true; hasGrown; ) {
    hasGrown = false;
    for (const entry of entries) {
      const owners = entry.dependencies.filter((dumpId) => selected.has(dumpId));
      if (owners.some((dumpId) => belongsTo(entry, byId.get(dumpId)))) hasGrown = add(entry) || hasGrown;
      if (entry.kind === 'TABLE ATTACH' && selected.has(entry.dumpId)) {
        // The partitions of a selected table hold its rows.
        for (const dumpId of entry.dependencies) {
          const partition = byId.get(dumpId);
          const isPartition =
            partition?.kind === 'TABLE' && partition.tag === entry.tag && partition.schema === entry.schema;
          if (isPartition) hasGrown = add(partition) || hasGrown;
        }
      }
    }
  }
  return { selected, needed: neededBy(selected, byId) };
}

function rootsOf(entries: readonly TocEntry[], { schemas, tables }: Pick<Selection, 'schemas' | 'tables'>): number[] {
  const ids: number[] = [];
  for (const name of schemas) {
    const found = entries.filter(({ kind, tag, schema }) => (kind === 'SCHEMA' && tag === name) || schema === name);
    if (found.length === 0)
      throw unknown('schema', name, [...new Set(entries.map(({ schema }) => schema))].filter(Boolean));
    ids.push(...found.map(({ dumpId }) => dumpId));
  }
  for (const table of tables) {
    const found = entries.find((entry) => relationKinds.has(entry.kind) && isNamed(entry, table));
    if (!found)
      throw unknown(
        'table',
        `${table.schema}.${table.name}`,
        entries.filter(({ kind }) => kind === 'TABLE').map(({ schema, tag }) => `${schema}.${tag}`),
      );
    ids.push(found.dumpId);
  }
  return ids;
}

const isNamed = (entry: TocEntry, { schema, name }: TableName): boolean =>
  entry.schema === schema && entry.tag === name;

function belongsTo(entry: TocEntry, owner: TocEntry | undefined): boolean {
  if (!owner) return false;
  if (sayingOf.has(entry.kind)) return true;
  if (!relationKinds.has(owner.kind)) return entry.kind === 'INDEX ATTACH' && owner.kind === 'INDEX';
  if (ofRelation.has(entry.kind)) return entry.kind !== 'SEQUENCE' || owner.kind === 'TABLE';
  return taggedByRelation.has(entry.kind) && entry.schema === owner.schema && entry.tag.startsWith(`${owner.tag} `);
}

/** In the archive's order, which is one in which they can be made. */
function neededBy(selected: ReadonlySet<number>, byId: ReadonlyMap<number, TocEntry>): TocEntry[] {
  const needed = new Set<number>();
  const look = [...selected];
  for (let dumpId = look.pop(); dumpId !== undefined; dumpId = look.pop()) {
    for (const dependency of byId.get(dumpId)?.dependencies ?? []) {
      if (selected.has(dependency) || needed.has(dependency) || !byId.has(dependency)) continue;
      needed.add(dependency);
      look.push(dependency);
    }
  }
  return [...byId.values()].filter(({ dumpId }) => needed.has(dumpId));
}

function unknown(what: string, name: string, known: readonly string[]): HoldfastError {
  const some = known.slice(0, 10).map((other) => `'${other}'`);
  return new HoldfastError('usage', `the backup has no ${what} '${name}'`, {
    hint: `it has ${some.join(', ') || 'none'}${known.length > some.length ? ` and ${known.length - some.length} more ('holdfast show --tables')` : ''}`,
  });
}
