import type { DigestSum } from '../../digest/digest-sum.ts';
import { type ByteFeed, endsEarly, malformed, quoteName, type Reading } from './byte-feed.ts';
import type { DataEntry } from './read-toc.ts';
import type { BlockDigest, BlockKind, BlockState } from './row-digest.ts';

/** The sign of a number that is not negative, with which a table of contents begins, and no block. */
const beginsContents = 0;

const blockTypes = { table: 1, 'large-objects': 3 } as const satisfies Record<DataEntry['kind'], number>;

const faults: Readonly<Record<Exclude<BlockState, 'more' | 'ended'>, { expected: string; found: string }>> = {
  'bad-length': { expected: 'a length or a number', found: 'an integer that is neither' },
  'after-end-mark': { expected: "two line ends after the end mark '\\.'", found: 'other bytes' },
  'no-end-mark': { expected: "the end mark '\\.' and two line ends before the block's end", found: 'the end' },
};

/**
 * Reads the blocks that the table of contents promises, each once, up to the end of the archive or to the table of contents that is written
 * there once more. Rows are looked into only where `isReadable`. Throws `dump-incomplete` when a promised block does not come.
 */
export function* readBlocks(
  feed: ByteFeed,
  entries: ReadonlyMap<number, DataEntry>,
  isReadable: boolean,
  digest: BlockDigest,
): Reading<ReadonlyMap<number, DigestSum>> {
  const sums = new Map<number, DigestSum>();
  while (!(yield* feed.isAtEnd())) {
    if (sums.size === entries.size && (yield* feed.some('a data block'))[0] === beginsContents) break;
    const entry = yield* readBlockHead(feed, entries, sums);
    yield* readBlock(feed, entry, isReadable, digest);
    sums.set(entry.dumpId, digest.sum());
  }
  const missing = [...entries.values()].filter((entry) => !sums.has(entry.dumpId));
  const [first] = missing;
  if (first)
    throw endsEarly(feed.offset, `${nameOf(first)}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`);
  return sums;
}

/** The head of the next block, which must be one that the table of contents promises and that has not come yet. */
export function* readBlockHead(
  feed: ByteFeed,
  entries: ReadonlyMap<number, DataEntry>,
  before: { has(dumpId: number): boolean },
): Reading<DataEntry> {
  const at = feed.offset;
  const type = yield* feed.byte('a data block');
  if (type !== blockTypes.table && type !== blockTypes['large-objects'])
    throw malformed(at, 'a data block, type 1 or 3, or the end', `type ${type}`);
  const dumpId = yield* feed.integer("the id of a data block's entry");
  const entry = entries.get(dumpId);
  if (!entry) throw malformed(at, 'a data block of an entry with data', `type ${type}, entry ${dumpId}`);
  if (type !== blockTypes[entry.kind])
    throw malformed(at, `${nameOf(entry)}, type ${blockTypes[entry.kind]}`, `type ${type}`);
  if (before.has(dumpId)) throw malformed(at, 'a data block that has not come yet', `${nameOf(entry)} again`);
  if (entry.position !== null && entry.position !== at)
    throw malformed(at, `no data block, as the table of contents has it at ${entry.position}`, nameOf(entry));
  return entry;
}

function* readBlock(feed: ByteFeed, entry: DataEntry, isReadable: boolean, digest: BlockDigest): Reading<void> {
  digest.begin(kindOf(entry, isReadable));
  const expected = `the rest of ${nameOf(entry)}`;
  while (digest.state === 'more') feed.skip(digest.push(yield* feed.some(expected)));
  if (digest.state === 'ended') return;
  const fault = faults[digest.state];
  throw malformed(feed.offset, `${fault.expected} in ${nameOf(entry)}`, fault.found);
}

function kindOf(entry: DataEntry, isReadable: boolean): BlockKind {
  if (entry.kind === 'large-objects') return isReadable ? 'objects' : 'opaque-objects';
  return isReadable && entry.isCopyText ? 'rows' : 'opaque';
}

function nameOf(entry: DataEntry): string {
  if (entry.kind === 'large-objects') return `the large objects of entry ${entry.dumpId}`;
  return `the rows of table ${quoteName(entry.schema)}.${quoteName(entry.name)} (entry ${entry.dumpId})`;
}
