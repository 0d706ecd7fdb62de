import { HoldfastError } from '../../../core/errors.ts';

export const pageBytes = 8192;
/** A relation's file goes on in the next one after so many pages. */
const pagesPerFile = 131_072;
const magic = 0xd3ae1f0d;
const fixedBytes = 12;

/** How long a file is made, in pages, before what changed of it is written: what lies beyond `kept` was cut off once, and comes back empty. */
export type FileLength = { readonly kept: number; readonly full: number };

/**
 * Reads a file of an incremental backup of PostgreSQL 17 or later: which blocks of a relation's file have changed, and those blocks (`make_incremental_rfile` in
 * src/bin/pg_combinebackup/reconstruct.c). Bytes are pushed, in pieces of any size. Throws `corrupt` for what is no such file.
 */
export class ChangedBlocks {
  readonly #sizeBytes: number;
  readonly #header: Buffer;
  #filled = 0;
  #wanted = fixedBytes;
  #numbers: readonly number[] | undefined;
  /** Of the blocks themselves. */
  #position = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    // The longest header there is, cut to the file's own length.
    this.#header = Buffer.allocUnsafe(Math.min(sizeBytes, headerBytes(pagesPerFile)));
    if (sizeBytes < fixedBytes) throw corrupt();
  }

  /** Each stretch of changed bytes with its place in the relation's file; before the first of them, and where none changed, how long that is. */
  *push(
    bytes: Uint8Array,
  ): Generator<{ readonly length: FileLength } | { readonly at: number; readonly piece: Uint8Array }> {
    let from = 0;
    while (this.#numbers === undefined && from < bytes.length) {
      const taken = Math.min(this.#wanted - this.#filled, bytes.length - from);
      this.#header.set(bytes.subarray(from, from + taken), this.#filled);
      this.#filled += taken;
      from += taken;
      if (this.#filled < this.#wanted) return;
      if (this.#wanted === fixedBytes) this.#readCounts();
      if (this.#filled === this.#wanted) yield { length: this.#readNumbers() };
    }
    while (from < bytes.length) {
      const { at, length } = this.#nextStretch(bytes.length - from);
      yield { at, piece: bytes.subarray(from, from + length) };
      from += length;
      this.#position += length;
    }
  }

  #readCounts(): void {
    const count = this.#header.readUInt32LE(4);
    if (this.#header.readUInt32LE(0) !== magic || count > pagesPerFile) throw corrupt();
    if (this.#sizeBytes !== headerBytes(count) + count * pageBytes) throw corrupt();
    this.#wanted = headerBytes(count);
  }

  #readNumbers(): FileLength {
    // Of a relation that was cut off, some versions say how long all of it is, and not this file of it.
    const kept = Math.min(this.#header.readUInt32LE(8), pagesPerFile);
    const numbers = Array.from({ length: this.#header.readUInt32LE(4) }, (_, index) =>
      this.#header.readUInt32LE(fixedBytes + 4 * index),
    );
    const full = numbers.reduce((most, number) => Math.max(most, number + 1), kept);
    if (full > pagesPerFile) throw corrupt();
    this.#numbers = numbers;
    return { kept, full };
  }

  /** Blocks that follow each other there too are one stretch. */
  #nextStretch(left: number): { readonly at: number; readonly length: number } {
    const numbers = this.#numbers as readonly number[];
    const first = Math.floor(this.#position / pageBytes);
    const inPage = this.#position % pageBytes;
    const number = numbers[first] as number;
    let blocks = 1;
    while (blocks * pageBytes - inPage < left && numbers[first + blocks] === number + blocks) blocks += 1;
    return { at: number * pageBytes + inPage, length: Math.min(left, blocks * pageBytes - inPage) };
  }
}

/** Aligned to pages, so that the blocks are, where there are any. */
function headerBytes(blocks: number): number {
  const bytes = fixedBytes + 4 * blocks;
  return blocks === 0 ? bytes : Math.ceil(bytes / pageBytes) * pageBytes;
}

const corrupt = (): HoldfastError =>
  new HoldfastError('corrupt', 'a file of an incremental backup does not say which blocks have changed');
