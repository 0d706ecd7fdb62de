import { HoldfastError } from '../../../core/errors.ts';
import type { Content } from '../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../digest/digest-sum.ts';
import { contentOf } from './archive-content.ts';
import { ByteFeed, malformed, type Reading } from './byte-feed.ts';
import { readBlocks } from './read-blocks.ts';
import { type ArchiveCompression, type ArchiveHeader, readHeader } from './read-header.ts';
import { readToc, type TableOfContents } from './read-toc.ts';
import { BlockDigest } from './row-digest.ts';

/** What an archive says of itself. */
export type ArchiveFacts = {
  /** Of the format, e.g. `1.16`. */
  readonly archiveVersion: string;
  readonly compression: ArchiveCompression;
  readonly database: string;
  readonly serverVersion: string;
  readonly toolVersion: string;
  /** As pg_dump's machine told the time, e.g. `2026-11-23T14:57:06`; the archive does not say in which zone. */
  readonly createdAtLocal: string;
  /** PostgreSQL's name of the encoding of all text in it, e.g. `UTF8`. */
  readonly encoding: string | null;
  /** How many entries its table of contents has, all kinds. */
  readonly entries: number;
};

/** An archive that was proved whole. `content` is undefined when the rows cannot be read, and `contentMissing` says why. */
export type ArchiveInspection = {
  readonly facts: ArchiveFacts;
  readonly definitions: NonNullable<Content['definitions']>;
} & (
  | { readonly content: Content; readonly contentMissing: null }
  | { readonly content: undefined; readonly contentMissing: string }
);

/**
 * Proves an archive of pg_dump's custom format well-formed to its last block, and takes counts and digests of what is in it,
 * from its bytes as they pass. Chunks may be split anywhere and are not kept; memory grows with the number of entries only.
 *
 * `write` and `end` throw `corrupt` for what no pg_dump writes, `dump-incomplete` when the archive ends too soon, and
 * `version-mismatch` for a newer format; messages name the byte and what was expected there. After an
 * error every call throws it again.
 */
export class ArchiveInspector {
  readonly #feed = new ByteFeed();
  readonly #reading: Reading<ArchiveInspection>;
  #fault: { readonly error: unknown } | undefined;

  constructor() {
    this.#reading = inspect(this.#feed);
    this.#reading.next();
  }

  /** How many bytes have been looked at. */
  get offset(): number {
    return this.#feed.offset;
  }

  /** Looks at the next bytes; they are not needed afterwards. */
  write(chunk: Uint8Array): void {
    this.#feed.feed(chunk);
    this.#advance();
  }

  /** Says that these were all bytes, and gives what was found. */
  end(): ArchiveInspection {
    this.#feed.end();
    const inspection = this.#advance();
    if (!inspection) throw new HoldfastError('internal', 'the reader of an archive goes on past its end');
    return inspection;
  }

  #advance(): ArchiveInspection | undefined {
    // A generator that threw is silent afterwards; a fault must not be forgotten by whoever goes on.
    if (this.#fault) throw this.#fault.error;
    try {
      return this.#reading.next().value;
    } catch (error) {
      this.#fault = { error };
      throw error;
    }
  }
}

function* inspect(feed: ByteFeed): Reading<ArchiveInspection> {
  const digest = new BlockDigest();
  const header = yield* readHeader(feed);
  const toc = yield* readToc(feed, header, digest);
  const sums = yield* readBlocks(feed, toc.dataEntries, header.compression === 'none', digest);
  if (!(yield* feed.isAtEnd())) yield* readContentsAgain(feed, header, toc);
  const definitions = { counts: toc.counts, digest: digestText(toc.definitions) };
  const facts = factsOf(header, toc);
  const contentMissing = whyUnreadable(header, toc);
  if (contentMissing !== null) return { facts, definitions, content: undefined, contentMissing };
  return { facts, definitions, content: { ...contentIn(toc, sums), definitions }, contentMissing: null };
}

/**
 * The same table of contents again, with the places of all blocks: pg_dump goes back and writes it over the first, but since 16, of a file that it
 * was given as its output (`pg_dump -Fc orders > orders.dump`), it appends it, and pg_restore never looks there. Throws `corrupt` for anything else.
 */
function* readContentsAgain(feed: ByteFeed, header: ArchiveHeader, first: TableOfContents): Reading<void> {
  const at = feed.offset;
  const again = yield* readToc(feed, header, new BlockDigest());
  const isSame = again.entries === first.entries && digestText(again.definitions) === digestText(first.definitions);
  if (!isSame) throw malformed(at, 'the table of contents once more, or the end', 'another table of contents');
  if (!(yield* feed.isAtEnd())) throw malformed(feed.offset, 'the end', 'other bytes');
}

function factsOf(header: ArchiveHeader, toc: TableOfContents): ArchiveFacts {
  const { minorVersion, ...facts } = header;
  return { archiveVersion: `1.${minorVersion}`, ...facts, encoding: toc.encoding, entries: toc.entries };
}

function whyUnreadable(header: ArchiveHeader, toc: TableOfContents): string | null {
  if (header.compression !== 'none') return `the archive's data is compressed by pg_dump with ${header.compression}`;
  for (const entry of toc.dataEntries.values())
    if (entry.kind === 'table' && !entry.isCopyText) return 'rows are written as INSERT commands';
  return null;
}

function contentIn(
  toc: TableOfContents,
  sums: ReadonlyMap<number, DigestSum>,
): Pick<Content, 'tables' | 'largeObjects'> {
  const entries = [...toc.dataEntries.values()].map((entry) => ({ ...entry, sum: sums.get(entry.dumpId) ?? emptySum }));
  const objects = entries.filter(({ kind }) => kind === 'large-objects');
  return contentOf(
    entries.filter(({ kind }) => kind === 'table'),
    objects.length === 0 ? undefined : objects.map(({ sum }) => sum).reduce(addSums, emptySum),
  );
}
