import { HoldfastError } from '../../../core/errors.ts';
import type { DigestSum } from '../../digest/digest-sum.ts';
import { ByteFeed, type Reading } from './byte-feed.ts';
import { readBlockHead } from './read-blocks.ts';
import { readHeader } from './read-header.ts';
import { readToc, type TocEntry } from './read-toc.ts';
import { BlockDigest } from './row-digest.ts';
import { RowSlices, type Slice } from './row-slices.ts';

/** An archive in the pieces that a restore puts back one by one, in the order in which they come. */
export type ArchivePart =
  /** First of all: everything but data. */
  | ({ readonly part: 'contents'; readonly entries: readonly TocEntry[] } & ArchiveHeads)
  /** Whole rows of a table as COPY text, or a stretch of one that is longer than a slice. Whoever takes it gives it back with `recycle`. */
  | { readonly part: 'rows'; readonly dumpId: number; readonly slice: Slice }
  /** The table's rows have all come. */
  | { readonly part: 'rows-end'; readonly dumpId: number; readonly sum: DigestSum }
  /** Bytes of large objects as the archive has them, block by block. */
  | { readonly part: 'large-objects'; readonly bytes: Buffer };

/** Archives of their own, which pg_restore reads as long as it wants no data of them. */
export type ArchiveHeads = {
  /** The whole table of contents. */
  readonly head: Buffer;
  /**
   * Without the entries of tables' rows. Several jobs of pg_restore keep off each other's tables by what depends on a table; with an
   * entry of its rows that is not restored, pg_restore forgets those, and its jobs deadlock.
   */
  readonly definitions: Buffer;
};

export type ArchiveReader = {
  readonly parts: AsyncGenerator<ArchivePart, void>;
  /** Which entries' data are wanted: all, unless it is said once `contents` has come. When the last of them has come, the parts end. */
  want(dumpIds: ReadonlySet<number>): void;
  recycle(slice: Slice): void;
};

/**
 * Reads an uncompressed archive in pg_dump's custom format for a restore, proving its form on the way. Holds a few slices beside the
 * present chunk, and the contents until they were given out. Throws as the inspector does.
 */
export function readArchive(bytes: AsyncIterable<Uint8Array>): ArchiveReader {
  const splitter = new Splitter();
  return {
    parts: splitter.split(bytes),
    want: (dumpIds) => splitter.want(dumpIds),
    recycle: (slice) => splitter.slices.recycle(slice),
  };
}

class Splitter {
  readonly slices = new RowSlices();
  readonly #feed = new ByteFeed();
  readonly #digest = new BlockDigest();
  readonly #ready: ArchivePart[] = [];
  #head: Buffer[] | undefined = [];
  #wanted: Set<number> | undefined;

  want(dumpIds: ReadonlySet<number>): void {
    this.#wanted = new Set(dumpIds);
  }

  async *split(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ArchivePart, void> {
    const reading = this.#read();
    for await (const chunk of bytes) {
      this.#feed.feed(chunk);
      this.#head?.push(Buffer.from(chunk));
      const isOver = yield* this.#advance(reading);
      if (isOver) return;
    }
    this.#feed.end();
    yield* this.#advance(reading);
  }

  /** Goes on until the present chunk is used up. Stops at the contents, so that what follows can be chosen. */
  *#advance(reading: Reading<void>): Generator<ArchivePart, boolean> {
    for (;;) {
      const { done } = reading.next();
      const hasContents = this.#ready.some(({ part }) => part === 'contents');
      yield* this.#ready.splice(0);
      if (done) return true;
      if (!hasContents) return false;
    }
  }

  *#read(): Reading<void> {
    const header = yield* readHeader(this.#feed);
    const contentsAt = this.#feed.offset;
    const entries: TocEntry[] = [];
    const toc = yield* readToc(this.#feed, header, this.#digest, (entry) => entries.push(entry));
    if (header.compression !== 'none')
      throw new HoldfastError('corrupt', `the archive's data is compressed by pg_dump with ${header.compression}`);
    const head = Buffer.from(Buffer.concat(this.#head ?? []).subarray(0, this.#feed.offset));
    this.#head = undefined;
    this.#ready.push({ part: 'contents', head, definitions: withoutRows(head, contentsAt, entries), entries });
    yield;

    const seen = new Set<number>();
    while (this.#wanted?.size !== 0 && !(yield* this.#feed.isAtEnd())) {
      const entry = yield* readBlockHead(this.#feed, toc.dataEntries, seen);
      seen.add(entry.dumpId);
      const isWanted = this.#wanted?.has(entry.dumpId) ?? true;
      if (!isWanted) yield* this.#skip(entry.kind === 'table' ? 'opaque' : 'opaque-objects');
      else if (entry.kind === 'table') yield* this.#rows(entry.dumpId);
      else yield* this.#objects(entry.dumpId);
      this.#wanted?.delete(entry.dumpId);
    }
    const missing = this.#wanted?.size ?? toc.dataEntries.size - seen.size;
    if (missing > 0)
      throw new HoldfastError('dump-incomplete', `the archive ends before the data of ${missing} entries`);
  }

  *#rows(dumpId: number): Reading<void> {
    const emit = (slice: Slice) => this.#ready.push({ part: 'rows', dumpId, slice });
    this.#digest.begin('rows', (bytes) => this.slices.add(bytes, emit));
    yield* this.#block(() => {});
    this.slices.end(emit);
    this.#ready.push({ part: 'rows-end', dumpId, sum: this.#digest.sum() });
  }

  *#objects(dumpId: number): Reading<void> {
    const head = Buffer.alloc(6);
    head.writeUInt8(3, 0);
    head.writeUInt32LE(dumpId, 2);
    this.#ready.push({ part: 'large-objects', bytes: head });
    this.#digest.begin('objects');
    yield* this.#block((bytes) => this.#ready.push({ part: 'large-objects', bytes: Buffer.from(bytes) }));
  }

  *#skip(kind: 'opaque' | 'opaque-objects'): Reading<void> {
    this.#digest.begin(kind);
    yield* this.#block(() => {});
  }

  *#block(onBytes: (bytes: Uint8Array) => void): Reading<void> {
    while (this.#digest.state === 'more') {
      const bytes = yield* this.#feed.some('the rest of a data block');
      const taken = this.#digest.push(bytes);
      onBytes(bytes.subarray(0, taken));
      this.#feed.skip(taken);
    }
    if (this.#digest.state !== 'ended')
      throw new HoldfastError(
        'corrupt',
        `the archive is malformed at byte ${this.#feed.offset}: ${this.#digest.state}`,
      );
  }
}

function withoutRows(head: Buffer, contentsAt: number, entries: readonly TocEntry[]): Buffer {
  const kept = entries.filter(({ kind }) => kind !== 'TABLE DATA');
  // An integer of the archive: a byte for the sign, then four for the magnitude.
  const count = Buffer.alloc(5);
  count.writeUInt32LE(kept.length, 1);
  return Buffer.concat([head.subarray(0, contentsAt), count, ...kept.map(({ from, to }) => head.subarray(from, to))]);
}
