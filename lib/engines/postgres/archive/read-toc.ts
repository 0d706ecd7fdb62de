import { addSums, type DigestSum, emptySum } from '../../digest/digest-sum.ts';
import { type ByteFeed, decodeName, malformed, quoteName, type Reading } from './byte-feed.ts';
import { isCountedEntry } from './counted-entries.ts';
import type { ArchiveHeader } from './read-header.ts';
import type { BlockDigest } from './row-digest.ts';

/** An entry that promises a data block. */
export type DataEntry = {
  readonly dumpId: number;
  readonly kind: 'table' | 'large-objects';
  readonly schema: string;
  readonly name: string;
  /** Rows as COPY text, not as INSERT commands. */
  readonly isCopyText: boolean;
  /** At which byte its block begins, when pg_dump could go back and write it down. */
  readonly position: number | null;
};

/** An entry as a restore needs to know it. */
export type TocEntry = {
  readonly dumpId: number;
  /** `TABLE`, `INDEX`, `ACL` … */
  readonly kind: string;
  readonly tag: string;
  readonly section: 'none' | 'pre-data' | 'data' | 'post-data';
  /** Empty where it belongs to no schema. */
  readonly schema: string;
  readonly owner: string;
  readonly dependencies: readonly number[];
  /** The definition, of entries that are no longer than a mebibyte. */
  readonly definition: string;
  /** The `COPY` that takes the entry's rows; null where it has none, or they are no COPY text. */
  readonly copyCommand: string | null;
  /** Whether a block of data follows for it. */
  readonly hasData: boolean;
  /** From which byte of the archive to which. */
  readonly from: number;
  readonly to: number;
};

export type TableOfContents = {
  readonly entries: number;
  readonly dataEntries: ReadonlyMap<number, DataEntry>;
  /** Per kind, how many entries; only those that enter the digest. */
  readonly counts: Readonly<Record<string, number>>;
  readonly definitions: DigestSum;
  readonly encoding: string | null;
};

const sections = { none: 1, preData: 2, data: 3, postData: 4 } as const;
const sectionNames = ['none', 'pre-data', 'data', 'post-data'] as const;
const offsetStates = { notSet: 1, set: 2, noData: 3 } as const;
const relationKinds: ReadonlySet<number> = new Set([...'rvmfSpciIt'].map((kind) => kind.charCodeAt(0)).concat(0));
const longestKeptBytes = 1024 * 1024;

type Entry = {
  readonly dumpId: number;
  readonly desc: string;
  readonly isCounted: boolean;
  readonly definition: DigestSum;
  readonly data: DataEntry | null;
  readonly encoding: string | null;
};

/** Reads what WriteToc of PostgreSQL's pg_backup_archiver.c writes. Keeps the entries that promise data; `keep` is given all of them. */
export function* readToc(
  feed: ByteFeed,
  header: ArchiveHeader,
  digest: BlockDigest,
  keep?: (entry: TocEntry) => void,
): Reading<TableOfContents> {
  const entries = yield* feed.integerWithin('the number of entries', 0, 2 ** 31 - 1);
  const dumpIds = new Set<number>();
  const dataEntries = new Map<number, DataEntry>();
  const counts = new Map<string, number>();
  let definitions = emptySum;
  let encoding: string | null = null;
  for (let index = 0; index < entries; index++) {
    const at = feed.offset;
    const entry = yield* readEntry(feed, header, digest, keep);
    if (dumpIds.has(entry.dumpId)) throw malformed(at, 'an entry with an id of its own', `id ${entry.dumpId} again`);
    dumpIds.add(entry.dumpId);
    if (entry.isCounted) {
      counts.set(entry.desc, (counts.get(entry.desc) ?? 0) + 1);
      definitions = addSums(definitions, entry.definition);
    }
    if (entry.data) dataEntries.set(entry.dumpId, entry.data);
    encoding = entry.encoding ?? encoding;
  }
  const sorted = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
  return { entries, dataEntries, counts: Object.fromEntries(sorted), definitions, encoding };
}

function* readEntry(
  feed: ByteFeed,
  header: ArchiveHeader,
  digest: BlockDigest,
  keep?: (entry: TocEntry) => void,
): Reading<Entry> {
  const at = feed.offset;
  const dumpId = yield* feed.integerWithin("an entry's id", 1, 2 ** 31 - 1);
  const of = `of entry ${dumpId}`;
  const hasData = (yield* feed.integerWithin(`the data flag ${of}`, 0, 1)) === 1;
  yield* feed.textLike(`the catalog's number ${of}`, /^\d{1,10}$/);
  yield* feed.textLike(`the object's number ${of}`, /^\d{1,10}$/);

  digest.begin('record');
  const tag = yield* hashed(feed, digest, `the tag ${of}`);
  const descAt = feed.offset;
  const desc = yield* hashed(feed, digest, `the kind ${of}`);
  if (!desc || !/^[A-Z][A-Z _-]{0,62}$/.test(desc))
    throw malformed(descAt, `the kind ${of}`, quoteName(desc ?? 'null'));
  const section = yield* feed.integerWithin(`the section ${of}`, sections.none, sections.postData);
  const definition = yield* readDefinition(
    feed,
    digest,
    `the definition ${of}`,
    keep !== undefined || desc === 'ENCODING',
  );
  yield* feed.pieces(`the drop command ${of}`, {});
  const copyCommand = yield* readCopyCommand(feed, `the copy command ${of}`);
  const isCopyText = copyCommand !== null;
  const schema = yield* hashed(feed, digest, `the schema ${of}`);
  yield* feed.pieces(`the tablespace ${of}`, {});
  if (header.minorVersion >= 14) yield* feed.pieces(`the access method ${of}`, {});
  if (header.minorVersion >= 16) yield* readRelationKind(feed, `the kind of relation ${of}`);
  const owner = yield* hashed(feed, digest, `the owner ${of}`);
  digest.end();

  yield* feed.textLike(`the row number flag ${of}`, /^(true|false)$/);
  const dependencies = yield* readDependencies(feed, of);
  const position = yield* readPosition(feed, hasData, of);
  const data = hasData ? dataEntry({ at, dumpId, desc, section, schema, tag, isCopyText, position }) : null;
  keep?.({
    dumpId,
    kind: desc,
    tag: tag ?? '',
    section: sectionNames[section - 1] ?? 'none',
    schema: schema ?? '',
    owner: owner ?? '',
    dependencies,
    definition,
    copyCommand,
    hasData,
    from: at,
    to: feed.offset,
  });
  const encoding = desc === 'ENCODING' ? encodingIn(definition) : null;
  return { dumpId, desc, isCounted: isCountedEntry(desc, tag), definition: digest.sum(), data, encoding };
}

/** A string that enters the digest of definitions: its length in four bytes, all ones for null, then its bytes. */
function* hashed(feed: ByteFeed, digest: BlockDigest, expected: string): Reading<string | null> {
  const bytes = yield* feed.bytes(expected, longestKeptBytes);
  hashLength(digest, bytes === null ? -1 : bytes.length);
  if (bytes !== null) digest.push(bytes);
  return bytes === null ? null : decodeName(bytes);
}

function hashLength(digest: BlockDigest, length: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, length, true);
  digest.push(bytes);
}

/** The definition may be of any length, so it is hashed as it comes. Returns it where it is wanted, unless it is too long to keep. */
function* readDefinition(feed: ByteFeed, digest: BlockDigest, expected: string, isKept: boolean): Reading<string> {
  const kept: Uint8Array[] = [];
  let keptBytes = 0;
  yield* feed.pieces(expected, {
    length: (length) => hashLength(digest, length),
    piece: (piece) => {
      digest.push(piece);
      keptBytes += piece.length;
      if (isKept && keptBytes <= longestKeptBytes) kept.push(Uint8Array.from(piece));
    },
  });
  return keptBytes <= longestKeptBytes ? decodeName(Buffer.concat(kept)) : '';
}

const encodingIn = (definition: string): string | null =>
  definition.match(/^SET client_encoding = '([^']+)';\n$/)?.[1] ?? null;

/** The command that takes the rows, or null where they are INSERT commands or there are none. */
function* readCopyCommand(feed: ByteFeed, expected: string): Reading<string | null> {
  const command = yield* feed.text(expected, longestKeptBytes);
  return command?.startsWith('COPY ') ? command : null;
}

function* readRelationKind(feed: ByteFeed, expected: string): Reading<void> {
  const at = feed.offset;
  const kind = yield* feed.integer(expected);
  if (!relationKinds.has(kind)) throw malformed(at, expected, String(kind));
}

function* readDependencies(feed: ByteFeed, of: string): Reading<readonly number[]> {
  const dependencies: number[] = [];
  for (;;) {
    const at = feed.offset;
    const dependency = yield* feed.text(`a dependency ${of}`, 10);
    if (dependency === null) return dependencies;
    if (!/^\d{1,10}$/.test(dependency)) throw malformed(at, `a dependency ${of}`, quoteName(dependency));
    dependencies.push(Number(dependency));
  }
}

/** Where the entry's block begins: unknown in an archive written to a pipe. */
function* readPosition(feed: ByteFeed, hasData: boolean, of: string): Reading<number | null> {
  const at = feed.offset;
  const state = yield* feed.byte(`the position's state ${of}`);
  let position = 0;
  for (let place = 1; place <= 2 ** 56; place *= 256) position += (yield* feed.byte(`the position ${of}`)) * place;
  const isSet = state === offsetStates.set && position > 0 && position <= Number.MAX_SAFE_INTEGER;
  const isUnset = state === (hasData ? offsetStates.notSet : offsetStates.noData) && position === 0;
  if (!(hasData && isSet) && !isUnset)
    throw malformed(at, `the position ${of}, which has ${hasData ? '' : 'no '}data`, `state ${state} at ${position}`);
  return isSet ? position : null;
}

function dataEntry(entry: {
  readonly at: number;
  readonly dumpId: number;
  readonly desc: string;
  readonly section: number;
  readonly schema: string | null;
  readonly tag: string | null;
  readonly isCopyText: boolean;
  readonly position: number | null;
}): DataEntry {
  const { dumpId, isCopyText, position } = entry;
  if (entry.section !== sections.data)
    throw malformed(entry.at, `entry ${dumpId} with data to be in section 3`, `section ${entry.section}`);
  if (entry.desc === 'TABLE DATA' && entry.schema && entry.tag)
    return { dumpId, kind: 'table', schema: entry.schema, name: entry.tag, isCopyText, position };
  if (entry.desc === 'BLOBS')
    return { dumpId, kind: 'large-objects', schema: '', name: entry.tag ?? '', isCopyText: false, position };
  throw malformed(entry.at, `entry ${dumpId} with data to be of a named table or of large objects`, `a ${entry.desc}`);
}
