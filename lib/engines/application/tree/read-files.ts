import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Libc } from '../native/libc.ts';
import { type Entry, largestFile } from './entry.ts';
import { hashZeros } from './hash-zeros.ts';
import { codeOf, type Omission, omissionOf } from './omission.ts';
import { entryOf, isSameFile, pathIn, readEntry, type Seen } from './read-entry.ts';
import type { AboutFile, EarlierChunk, Sink, SinkOutput } from './sink.ts';
import { type FolderSum, TreeSum } from './tree-content.ts';

/** Names of a tree that are to be read one after another. */
export type ReadJob = {
  readonly root: Uint8Array;
  /** Relative paths, each ended by a zero byte. */
  readonly paths: Uint8Array;
  /** With each path what a file was when its content was read last; one that is the same is not read again. @default - all are read */
  readonly known?: readonly (KnownFile | undefined)[];
};

/** What a file was when it was read last, and of what it consisted, where that is of use. */
export type KnownFile = { readonly signature: string | undefined; readonly chunks?: readonly EarlierChunk[] };

/** What reading has come to since the part before it. The parts of a job, in order, are all of it. */
export type Part = SinkOutput & {
  readonly sums: readonly FolderSum[];
  readonly omissions: readonly Omission[];
  /** The file that comes next has several names, and whether this is the first of them, only he knows who sees all parts. */
  readonly linked?: { readonly path: Uint8Array; readonly inode: string };
};

/** Files up to this size are read at one go. */
const smallBytes = 1_048_576;
/** So much is gathered before it is passed on. */
const partBytes = 1_048_576;
/** So much at least is read at a time, where there is so much. */
const leastRead = 65_536;
/** After so many bytes something is passed on in any case: whoever takes it may have another mind. */
const mostUntold = 64 * 1_048_576;
/** So often a small file is read before it is taken as it came last. */
const mostReads = 3;

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const quietly = constants.O_NOATIME ?? 0;

/**
 * Reads files one call after another, so that a thread is busy with nothing else. A file that changes while it is read is read again, and
 * then reported; one that is gone or cannot be read is reported.
 */
export class FileReader {
  readonly #libc: Libc | undefined;
  readonly #sink: Sink;
  readonly #spare: () => ArrayBuffer | undefined;
  /** One byte more than the largest small file, to see that it has grown. */
  readonly #scratch = Buffer.allocUnsafeSlow(smallBytes + 1);
  #sum = new TreeSum();
  #omissions: Omission[] = [];

  /** `spare` gives memory of parts that nobody needs any more, while there is some. @default - there is none */
  constructor(sink: Sink, libc: Libc | undefined, spare: () => ArrayBuffer | undefined = () => undefined) {
    this.#sink = sink;
    this.#libc = libc;
    this.#spare = spare;
  }

  *read({ root, paths, known }: ReadJob): Generator<Part, void> {
    let start = 0;
    for (let index = 0; start < paths.length; index++) {
      const end = paths.indexOf(0, start);
      const path = Buffer.from(paths.subarray(start, end));
      start = end + 1;
      yield* this.#readPath(root, path, known?.[index]);
      if (this.#sink.pending >= partBytes) yield this.#part();
    }
    yield this.#part();
  }

  /** One file, whether it has other names or not. Returns its entry when it is in the stream. */
  *readLinked(root: Uint8Array, path: Buffer): Generator<Part, Entry | undefined> {
    let entry: Entry | undefined;
    try {
      const seen = readEntry(root, path, this.#libc);
      if (seen?.entry.kind === 'file') entry = yield* this.#readFile(root, seen);
      else this.#omissions.push({ path, reason: 'vanished' });
    } catch (error) {
      this.#omissions.push(omissionOf(path, error));
    }
    yield this.#part();
    return entry;
  }

  /** Another name of a file that came before. */
  *addLink(entry: Entry): Generator<Part, void> {
    this.#add(entry);
    yield this.#part();
  }

  *#readPath(root: Uint8Array, path: Buffer, known: KnownFile | undefined): Generator<Part, void> {
    try {
      const seen = readEntry(root, path, this.#libc);
      if (seen === undefined) this.#omissions.push({ path, reason: 'socket' });
      else if (seen.entry.kind !== 'file') this.#add(seen.entry);
      else if (seen.stats.nlink > 1n)
        yield { ...this.#part(), linked: { path, inode: `${seen.stats.dev}:${seen.stats.ino}` } };
      else if (this.#sink.addUnchanged && known?.signature !== undefined && known.signature === seen.entry.signature)
        this.#sink.addUnchanged(path);
      else yield* this.#readFile(root, seen, known?.chunks);
    } catch (error) {
      this.#omissions.push(omissionOf(path, error));
    }
  }

  #add(entry: Entry): void {
    this.#sink.addEntry(entry);
    this.#sum.add(entry, undefined);
  }

  *#readFile(root: Uint8Array, seen: Seen, earlier?: readonly EarlierChunk[]): Generator<Part, Entry> {
    const absolute = pathIn(root, seen.entry.path);
    const fd = openQuietly(absolute);
    try {
      // The name may have come to stand for another file since it was looked at.
      const now = isSameFile(fstatSync(fd, { bigint: true }), seen.stats)
        ? seen
        : this.#again(fd, seen.entry.path, absolute);
      if (now.entry.size > largestFile) throw Object.assign(new Error('the file is too large'), { code: 'EFBIG' });
      const isSmall = now.entry.size <= smallBytes && !(now.entry.isSparse && this.#sink.keepsHoles);
      const small = isSmall ? this.#readSmall(fd, absolute, now, earlier) : undefined;
      if (small !== undefined) return small;
      return yield* this.#readLarge(fd, absolute, isSmall ? this.#again(fd, now.entry.path, absolute) : now, earlier);
    } finally {
      closeSync(fd);
    }
  }

  /** Undefined for a file that has grown past what is read at one go. */
  #readSmall(fd: number, absolute: Buffer, first: Seen, earlier?: readonly EarlierChunk[]): Entry | undefined {
    let seen = first;
    for (let reads = 1; ; reads++) {
      const length = readSmall(fd, this.#scratch, seen.entry.size);
      if (length > smallBytes) return undefined;
      const now = fstatSync(fd, { bigint: true });
      const isSteady = isSameFile(now, seen.stats) && length === seen.entry.size;
      if (isSteady || reads === mostReads) {
        if (!isSteady) this.#omissions.push({ path: seen.entry.path, reason: 'changed' });
        const content = this.#scratch.subarray(0, length);
        const entry = { ...seen.entry, size: content.length };
        const sha256 = this.#sink.usesSha256 ? hash('sha256', content, 'buffer') : nothing;
        this.#sum.add(entry, this.#sink.addFile(entry, content, sha256, earlier));
        return entry;
      }
      seen = this.#again(fd, seen.entry.path, absolute);
    }
  }

  /** The length stands in the stream before the content does, so what a file loses while it is read is filled up with zeros. */
  *#readLarge(fd: number, absolute: Buffer, first: Seen, earlier?: readonly EarlierChunk[]): Generator<Part, Entry> {
    const before = yield* this.#stream(fd, first, { isAgain: false, earlier });
    if (before.isSteady) return first.entry;
    const second = this.#again(fd, first.entry.path, absolute);
    this.#sum.remove(first.entry, before.digest);
    const { isSteady, problem } = yield* this.#stream(fd, second, { isAgain: true, earlier });
    if (!isSteady) this.#omissions.push(problem ?? { path: second.entry.path, reason: 'changed' });
    return second.entry;
  }

  *#stream(
    fd: number,
    { entry, stats }: Seen,
    about: Omit<AboutFile, 'stretches'>,
  ): Generator<Part, { readonly isSteady: boolean; readonly digest: Uint8Array; readonly problem?: Omission }> {
    const stretches = entry.isSparse ? this.#libc?.dataOf(fd, entry.size) : undefined;
    const sha256 = this.#sink.usesSha256 ? createHash('sha256') : undefined;
    let position = 0;
    let told = 0;
    let problem: Omission | undefined;
    this.#sink.beginFile(entry, { ...about, stretches });
    for (const { start, length } of stretches ?? [{ start: 0, length: entry.size }]) {
      yield* this.#passHole(sha256, start - position);
      position = start;
      while (position < start + length) {
        const wanted = Math.min(start + length - position, Math.max(partBytes - this.#sink.pending, leastRead));
        const into = this.#sink.room?.(wanted) ?? this.#scratch.subarray(0, wanted);
        let got = 0;
        try {
          got = problem === undefined ? readSync(fd, into, 0, into.length, position) : 0;
        } catch (error) {
          // Its head is in the stream, so that its content has to come as well.
          problem = { ...omissionOf(entry.path, error), reason: 'unreadable', detail: codeOf(error) ?? '' };
        }
        if (got === 0) {
          into.fill(0);
          got = into.length;
        }
        const bytes = into.subarray(0, got);
        sha256?.update(bytes);
        this.#sink.write(bytes);
        position += got;
        if (this.#sink.pending < partBytes && position - told < mostUntold) continue;
        told = position;
        yield this.#part();
      }
    }
    yield* this.#passHole(sha256, entry.size - position);
    const digest = this.#sink.endFile(sha256?.digest() ?? nothing);
    this.#sum.add(entry, digest);
    const isSteady = problem === undefined && isSameFile(fstatSync(fd, { bigint: true }), stats);
    return { isSteady, digest, ...(problem && { problem }) };
  }

  *#passHole(sha256: Hash | undefined, length: number): Generator<Part, void> {
    if (!this.#sink.keepsHoles) this.#sink.writeZeros(length);
    if (sha256 === undefined) return;
    for (let left = length; left > 0; left -= mostUntold) {
      hashZeros(sha256, Math.min(left, mostUntold));
      if (left > mostUntold) yield this.#part();
    }
  }

  #again(fd: number, path: Buffer, absolute: Buffer): Seen {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw Object.assign(new Error('it is no file any more'), { code: 'ENOENT' });
    return { stats, entry: entryOf({ path, kind: 'file', stats, absolute, libc: this.#libc }) };
  }

  #part(): Part {
    const spare = this.#sink.pending > 0 ? this.#spare() : undefined;
    const part: Part = { ...this.#sink.take(spare), sums: this.#sum.sums(), omissions: this.#omissions };
    this.#sum = new TreeSum();
    this.#omissions = [];
    return part;
  }
}

/** Without leaving a trace in its time of access, where that is allowed: only to its owner, and to root. */
function openQuietly(path: Buffer): number {
  try {
    return openSync(path, openFlags | quietly);
  } catch (error) {
    if (codeOf(error) !== 'EPERM' || quietly === 0) throw error;
    return openSync(path, openFlags);
  }
}

/** Reads a file from its beginning until there is as much as there should be, or no more. */
function readSmall(fd: number, into: Buffer, size: number): number {
  for (let filled = 0; ; ) {
    const got = readSync(fd, into, filled, into.length - filled, filled);
    filled += got;
    if (got === 0 || filled === size || filled === into.length) return filled;
  }
}

const nothing = Buffer.alloc(0);
