import type { Stretch } from '../native/libc.ts';
import type { Entry } from './entry.ts';

/** What entries become on their way out of a reader: bytes of a format, which may be none. */
export interface Sink {
  /** Whether a sparse file is given as its stretches of data, or with the zeros that are read from its holes. */
  readonly keepsHoles: boolean;
  /** Whether files are known by the SHA-256 of their whole content. Where they are not, it is not made, and an empty one is given. */
  readonly usesSha256: boolean;

  /** An entry that has no content. */
  addEntry(entry: Entry): void;

  /** A file that is what it was when it was read last; only sinks that are told of such files need it. */
  addUnchanged?(path: Uint8Array): void;

  /** A file that was read whole, with the SHA-256 of its content. Returns what stands for its content in digests. */
  addFile(entry: Entry, content: Uint8Array, sha256: Uint8Array, earlier?: readonly EarlierChunk[]): Uint8Array;

  /**
   * A file whose content follows in pieces: all of it, or for a sparse file its stretches of data. `isAgain` when it takes the place of the
   * file that was ended last.
   */
  beginFile(entry: Entry, about: AboutFile): void;
  /** Memory for at most so many of the bytes that are written next: read into it, they need not be copied. */
  room?(wanted: number): Uint8Array;
  write(bytes: Uint8Array): void;
  /** So many zeros follow, which are a hole's; not called where holes are kept. */
  writeZeros(length: number): void;
  /** Returns what stands for the file's content in digests, from the SHA-256 of the whole. */
  endFile(sha256: Uint8Array): Uint8Array;

  /** Bytes that wait to be taken. */
  readonly pending: number;
  /** What has gathered, for whoever passes it on. What comes next gathers in `spare`, where that is given: memory of before that nobody needs any more. */
  take(spare?: ArrayBuffer): SinkOutput;
}

export type AboutFile = {
  readonly stretches?: readonly Stretch[] | undefined;
  readonly isAgain: boolean;
  /** What the file consisted of when it was read last. @default - nobody knows */
  readonly earlier?: readonly EarlierChunk[] | undefined;
};

/** A chunk that an earlier backup holds, by its SHA-256. */
export type EarlierChunk = { readonly id: string; readonly length: number };

/** `bytes` go into the stream as they are; `chunks` and `files` say what they hold, where the format needs that. */
export type SinkOutput = {
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly items?: readonly ChunkItem[];
};

/** A chunk by its SHA-256, and where in the bytes it is: without `start` where the same sink has given its bytes before, or an earlier backup holds them. */
export type GivenChunk = { readonly id: string; readonly start?: number; readonly length: number };

/** In the order in which they happened: chunks of a large file, and an entry that consists of those since it began, or of its `only` one. */
export type ChunkItem =
  | ({ readonly kind: 'chunk' } & GivenChunk)
  | { readonly kind: 'begin' }
  /** A file that was not read again. */
  | { readonly kind: 'unchanged'; readonly path: string }
  /** `isAgain`: in place of the one before it, which is the same file. */
  | {
      readonly kind: 'entry';
      readonly path: string;
      readonly line: string;
      readonly only?: GivenChunk;
      readonly isAgain?: boolean;
    };
