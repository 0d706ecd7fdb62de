import { type ByteFeed, decodeName, malformed, quoteName, type Reading } from './byte-feed.ts';
import type { ArchiveHeader } from './read-header.ts';
import { addSums, type BlockDigest, type DigestSum, emptySum } from './row-digest.ts';

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

export type TableOfContents = {
  readonly entries: number;
  readonly dataEntries: ReadonlyMap<number, DataEntry>;
  /** Per kind, how many entries; only those that enter the digest. */
  readonly counts: Readonly<Record<string, number>>;
  readonly definitions: DigestSum;
  readonly encoding: string | null;
};

/** What belongs to the session or the database as a whole, or is an estimate: it may differ between two copies of the same content. */
const leftOut: ReadonlySet<string> = new Set([
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'DATABASE',
  'DATABASE PROPERTIES',
  'STATISTICS DATA',
]);
const sayingOf: ReadonlySet<string> = new Set(['ACL', 'COMMENT', 'SECURITY LABEL']);

const sections = { none: 1, data: 3, postData: 4 } as const;
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

/** Reads what WriteToc of PostgreSQL's pg_backup_archiver.c writes. Keeps only the entries that promise data. */
export function* readToc(feed: ByteFeed, header: ArchiveHeader, digest: BlockDigest): Reading<TableOfContents> {
  const entries = yield* feed.integerWithin('the number of entries', 0, 2 ** 31 - 1);
  const dumpIds = new Set<number>();
  const dataEntries = new Map<number, DataEntry>();
  const counts = new Map<string, number>();
  let definitions = emptySum;
  let encoding: string | null = null;
  for (let index = 0; index < entries; index++) {
    const at = feed.offset;
    const entry = yield* readEntry(feed, header, digest);
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

function* readEntry(feed: ByteFeed, header: ArchiveHeader, digest: BlockDigest): Reading<Entry> {
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
  const encoding = yield* readDefinition(feed, digest, `the definition ${of}`, desc === 'ENCODING');
  yield* feed.pieces(`the drop command ${of}`, {});
  const isCopyText = yield* startsWithCopy(feed, `the copy command ${of}`);
  const schema = yield* hashed(feed, digest, `the schema ${of}`);
  yield* feed.pieces(`the tablespace ${of}`, {});
  if (header.minorVersion >= 14) yield* feed.pieces(`the access method ${of}`, {});
  if (header.minorVersion >= 16) yield* readRelationKind(feed, `the kind of relation ${of}`);
  yield* hashed(feed, digest, `the owner ${of}`);
  digest.end();

  yield* feed.textLike(`the row number flag ${of}`, /^(true|false)$/);
  yield* readDependencies(feed, of);
  const position = yield* readPosition(feed, hasData, of);
  const data = hasData ? dataEntry({ at, dumpId, desc, section, schema, tag, isCopyText, position }) : null;
  const isOfDatabase = sayingOf.has(desc) && tag?.startsWith('DATABASE ') === true;
  return { dumpId, desc, isCounted: !leftOut.has(desc) && !isOfDatabase, definition: digest.sum(), data, encoding };
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

/** The definition may be of any length, so it is hashed as it comes. Of the one that sets the encoding, returns the encoding. */
function* readDefinition(
  feed: ByteFeed,
  digest: BlockDigest,
  expected: string,
  isEncoding: boolean,
): Reading<string | null> {
  if (isEncoding) {
    const command = yield* hashed(feed, digest, expected);
    return command?.match(/^SET client_encoding = '([^']+)';\n$/)?.[1] ?? null;
  }
  yield* feed.pieces(expected, {
    length: (length) => hashLength(digest, length),
    piece: (piece) => digest.push(piece),
  });
  return null;
}

function* startsWithCopy(feed: ByteFeed, expected: string): Reading<boolean> {
  let start = '';
  yield* feed.pieces(expected, {
    piece: (piece) => {
      if (start.length < 5) start += Buffer.from(piece.subarray(0, 5)).toString('latin1');
    },
  });
  return start.startsWith('COPY ');
}

function* readRelationKind(feed: ByteFeed, expected: string): Reading<void> {
  const at = feed.offset;
  const kind = yield* feed.integer(expected);
  if (!relationKinds.has(kind)) throw malformed(at, expected, String(kind));
}

function* readDependencies(feed: ByteFeed, of: string): Reading<void> {
  for (;;) {
    const at = feed.offset;
    const dependency = yield* feed.text(`a dependency ${of}`, 10);
    if (dependency === null) return;
    if (!/^\d{1,10}$/.test(dependency)) throw malformed(at, `a dependency ${of}`, quoteName(dependency));
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
