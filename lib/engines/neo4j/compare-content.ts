import type { Content, ContentEntry } from '../../core/manifest.ts';
import type { Comparison } from '../engine.ts';
import { kindsAndElements } from './content/graph-digest.ts';

/**
 * Holds what was found against what the backup says, kind by kind. Definitions that another version of the server prints are not held against
 * each other beyond their number: what is not said is the version's own.
 */
export function compareContent(
  expected: Content,
  found: Content,
  options: { readonly isSameVersion: boolean; readonly remarks: readonly string[] },
): Comparison {
  const there = new Map(found.tables.map((entry) => [keyOf(entry), entry]));
  const wanted = new Set(expected.tables.map(keyOf));
  const differences = [
    ...expected.tables.flatMap((entry) => differenceOf(entry, there.get(keyOf(entry)))),
    ...found.tables
      .filter((entry) => !wanted.has(keyOf(entry)))
      .map((entry) => `${nameOf(entry)} has ${entry.rows} elements, in the backup none`),
  ];
  const definitions = definitionDifference(expected, found);
  const remarks = [...options.remarks];
  if (definitions !== undefined && options.isSameVersion) differences.push(definitions);
  else if (definitions !== undefined) remarks.push(`${definitions}: the server is of another version`);
  return {
    same: differences.length === 0,
    words: kindsAndElements,
    proof: 'compared',
    collectionsCompared: expected.tables.length,
    itemsCompared: found.tables.reduce((sum, { rows }) => sum + rows, 0),
    differences,
    remarks,
  };
}

const keyOf = ({ schema, name }: ContentEntry): string => `${schema} ${name}`;
const nameOf = ({ schema, name }: ContentEntry): string =>
  schema === 'node' ? `nodes '${name}'` : `relationships '${name}'`;

function differenceOf(wanted: ContentEntry, found: ContentEntry | undefined): readonly string[] {
  const rows = found?.rows ?? 0;
  if (rows !== wanted.rows) return [`${nameOf(wanted)} has ${rows} elements, in the backup ${wanted.rows}`];
  if (found?.digest !== wanted.digest) return [`${nameOf(wanted)} has other content in its ${rows} elements`];
  return [];
}

function definitionDifference({ definitions: wanted }: Content, { definitions: found }: Content): string | undefined {
  if (wanted === undefined || found === undefined || wanted.digest === found.digest) return undefined;
  const kinds = new Set([...Object.keys(wanted.counts), ...Object.keys(found.counts)]);
  const counted = [...kinds]
    .filter((kind) => wanted.counts[kind] !== found.counts[kind])
    .map((kind) => `${found.counts[kind] ?? 0} of kind ${kind}, in the backup ${wanted.counts[kind] ?? 0}`);
  return `constraints and indexes are defined otherwise${counted.length > 0 ? `: ${counted.join(', ')}` : ''}`;
}
