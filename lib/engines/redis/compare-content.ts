import type { Content, ContentEntry } from '../../core/manifest.ts';
import { addLanes, lanesText, parseLanes } from '../digest/lanes.ts';
import type { Comparison } from '../engine.ts';
import { expiringName, typesAndKeys } from './keys/content-digest.ts';

/** What is expected of a copy, and what is known of how it may differ. */
export type Expected = {
  readonly content: Content;
  /** Of how many keys something may have run out by now, by `db0 string, expiring`; none where a collection is left out. */
  readonly due: ReadonlyMap<string, number>;
  /** Are functions to be compared? They belong to a server, not to a database. */
  readonly hasLibraries: boolean;
  /** Do streams lack pending entries that could not be made? @default false */
  readonly lacksPending?: boolean;
};

/**
 * One sentence for each difference. Keys run out by themselves: a collection that lacks no more keys than have come due is not compared by its
 * digest, and a remark says so. Where none is lacking, only in hashes something may have run out; one that lost all of its expiring fields is then among
 * those that do not expire.
 */
export function compareContent(expected: Expected, actual: Content): Comparison {
  const found = new Map(actual.tables.map((entry) => [nameOf(entry), entry]));
  const settled = settledHashes(expected, actual);
  const differences: string[] = [];
  const remarks: string[] = [];
  let itemsCompared = 0;
  for (const entry of expected.content.tables) {
    const name = nameOf(entry);
    const live = found.get(name) ?? { ...entry, rows: 0, digest: '0'.repeat(32) };
    found.delete(name);
    itemsCompared += live.rows;
    if (live.rows === entry.rows && live.digest === entry.digest) continue;
    const gone = entry.rows - live.rows;
    const due = expected.due.get(name) ?? 0;
    const more = settled.get(name) ?? 0;
    if (more > 0 && gone === -more) remarks.push(settledRemark(entry, more));
    else if (due > 0 && gone <= due && (gone > 0 || (gone === 0 && isOf('hash', entry)))) {
      remarks.push(
        gone === 0
          ? `${said(entry)}: fields have run out; its ${entry.rows} keys were counted, and their values not compared`
          : `${said(entry)}: ${gone} of ${entry.rows} keys have run out; the others were counted, and their values not compared`,
      );
    } else if (expected.lacksPending && gone === 0 && isOf('stream', entry)) {
      remarks.push(
        `${said(entry)}: ${entry.rows} keys were counted, and not compared, since they lack pending entries`,
      );
    } else if (gone !== 0) differences.push(`${said(entry)}: ${live.rows} keys, in the backup ${entry.rows}`);
    else differences.push(`${said(entry)}: other values in its ${entry.rows} keys`);
  }
  for (const [name, entry] of found)
    if (entry.rows > 0 && entry.rows === settled.get(name)) remarks.push(settledRemark(entry, entry.rows));
    else if (entry.rows > 0) differences.push(`${said(entry)}: ${entry.rows} keys, and none in the backup`);
  if (expected.hasLibraries) differences.push(...libraryDifferences(expected.content, actual));
  return {
    same: differences.length === 0,
    words: typesAndKeys,
    proof: 'compared',
    collectionsCompared: expected.content.tables.length,
    itemsCompared,
    differences,
    remarks,
  };
}

/** By `db0 hash`: how many hashes more there are now than in the backup, which can be ones whose expiring fields have all run out. */
function settledHashes({ content, due }: Expected, actual: Content): ReadonlyMap<string, number> {
  const rowsOf = ({ tables }: Content, name: string): number =>
    tables.find((entry) => nameOf(entry) === name)?.rows ?? 0;
  const lacking = (name: string): number => rowsOf(content, name) - rowsOf(actual, name);
  const expiring = content.tables.filter(({ name }) => name === expiringName('hash'));
  return new Map(
    expiring.map((entry) => {
      const plain = nameOf({ ...entry, name: 'hash' });
      return [plain, Math.min(-lacking(plain), lacking(nameOf(entry)), due.get(nameOf(entry)) ?? 0)];
    }),
  );
}

const settledRemark = (entry: ContentEntry, more: number): string =>
  `${said(entry)}: with ${more} whose expiring fields have all run out; its keys were counted, and their values not compared`;

function libraryDifferences({ definitions: before }: Content, { definitions: now }: Content): string[] {
  const [wanted = 0, found = 0] = [before, now].map((one) => one?.counts['function library'] ?? 0);
  if (wanted !== found) return [`${found} function libraries, in the backup ${wanted}`];
  return before?.digest === now?.digest ? [] : ['the function libraries have other code'];
}

/** The content of some of the databases, under other numbers. */
export function mapDatabases(content: Content, databases: ReadonlyMap<number, number>): Content {
  const tables = content.tables.flatMap((entry) => {
    const into = databases.get(Number(entry.schema.slice(2)));
    return into === undefined ? [] : [{ ...entry, schema: `db${into}` }];
  });
  return { ...content, tables };
}

/** The content of several streams, or of one without what was left out of it. */
export function sumContents(contents: readonly Content[], minus: readonly Content[] = []): Content {
  const sums = new Map<string, ContentEntry>();
  const take = (entry: ContentEntry, sign: 1 | -1): void => {
    const known = sums.get(nameOf(entry)) ?? { ...entry, rows: 0, bytes: 0, digest: '0'.repeat(32) };
    sums.set(nameOf(entry), {
      ...known,
      rows: known.rows + sign * entry.rows,
      bytes: known.bytes + sign * entry.bytes,
      digest: addDigests(known.digest, entry.digest, BigInt(sign)),
    });
  };
  for (const { tables } of contents) for (const entry of tables) take(entry, 1);
  for (const { tables } of minus) for (const entry of tables) take(entry, -1);
  const definitions = contents.find((content) => content.definitions)?.definitions;
  return { tables: [...sums.values()].filter(({ rows }) => rows !== 0), ...(definitions && { definitions }) };
}

function addDigests(one: string, other: string, sign: bigint): string {
  const [first, second] = parseLanes(other);
  return lanesText(addLanes(parseLanes(one), [sign * first, sign * second]));
}

const isOf = (type: string, { name }: ContentEntry): boolean => name === type || name === expiringName(type);
const nameOf = ({ schema, name }: ContentEntry): string => `${schema} ${name}`;
const said = ({ schema, name }: ContentEntry): string => `database ${schema.slice(2)}, ${name}`;

/** Keys that run out, of those that the content counts. */
export const expiringKeys = (content: Content): number =>
  content.tables.filter(({ name }) => name.endsWith(expiringName(''))).reduce((sum, { rows }) => sum + rows, 0);
