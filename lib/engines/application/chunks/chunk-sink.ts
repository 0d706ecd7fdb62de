import { hash } from 'node:crypto';
import { GrowingBytes } from '../../growing-bytes.ts';
import type { Entry } from '../tree/entry.ts';
import type { AboutFile, ChunkItem, EarlierChunk, GivenChunk, Sink, SinkOutput } from '../tree/sink.ts';
import { Cutter, largestChunk, smallestChunk } from './cut.ts';
import { EarlierChunks } from './earlier-chunks.ts';
import { entryLine } from './entry-line.ts';
import { packRecord } from './pack.ts';

/** Files as chunks, each a record of a pack, and entries as lines of an index. */
export class ChunkSink implements Sink {
  readonly keepsHoles = false;
  readonly usesSha256 = false;
  readonly #isKept: boolean;
  readonly #output = new GrowingBytes(1_310_720);
  #items: ChunkItem[] = [];
  readonly #cutter = new Cutter();
  /** What is not cut yet of the file that is under way. */
  readonly #rest = this.#cutter.memory;
  #begin = 0;
  #end = 0;
  /** Where in the file that begins which is not cut yet. */
  #position = 0;
  #earlier: EarlierChunks | undefined;
  /** Where a guess was wrong. */
  #refusedAt: number | undefined;
  #chunks: Uint8Array[] = [];
  #entry: Entry | undefined;
  #isAgain = false;
  #hasGivenZeros = false;

  /** With `nothing`, for digests alone. */
  constructor({ keeps }: { readonly keeps: 'chunks' | 'nothing' }) {
    this.#isKept = keeps === 'chunks';
  }

  addEntry(entry: Entry): void {
    if (this.#isKept) this.#items.push(itemOf(entry));
  }

  addUnchanged(path: Uint8Array): void {
    this.#items.push({ kind: 'unchanged', path: Buffer.from(path).toString('latin1') });
  }

  addFile(entry: Entry, content: Uint8Array, _sha256: Uint8Array, earlier?: readonly EarlierChunk[]): Uint8Array {
    if (content.length > smallestChunk) {
      this.beginFile(entry, { isAgain: false, earlier });
      this.write(content);
      return this.endFile();
    }
    // Nothing cuts it.
    const digest = hash('sha256', content, 'buffer');
    if (this.#isKept) this.#items.push(itemOf(entry, content.length > 0 ? this.#give(content, digest) : undefined));
    return digest;
  }

  beginFile(entry: Entry, { isAgain, earlier }: AboutFile): void {
    this.#entry = entry;
    this.#position = 0;
    this.#refusedAt = undefined;
    this.#earlier = earlier && new EarlierChunks(earlier);
    this.#isAgain = isAgain;
    this.#chunks = [];
    this.#begin = 0;
    this.#end = 0;
    if (this.#isKept) this.#items.push({ kind: 'begin' });
  }

  room(wanted: number): Uint8Array {
    if (this.#end === this.#rest.length) {
      this.#rest.copyWithin(0, this.#begin, this.#end);
      this.#end -= this.#begin;
      this.#begin = 0;
    }
    return this.#rest.subarray(this.#end, this.#end + wanted);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = this.room(bytes.length - at);
      // What was read into the room is there already.
      if (bytes.buffer !== room.buffer) room.set(bytes.subarray(at, at + room.length));
      this.#end += room.length;
      at += room.length;
      this.#cutAll();
    }
  }

  writeZeros(length: number): void {
    for (let left = length; left > 0; ) {
      const waiting = this.#rest.subarray(this.#begin, this.#end);
      if (isZero(waiting)) {
        const all = waiting.length + left;
        for (let at = largestChunk; at <= all; at += largestChunk) this.#take(zeros, zeroDigest());
        this.#begin = 0;
        this.#end = all % largestChunk;
        this.#rest.fill(0, 0, this.#end);
        return;
      }
      const piece = zeros.subarray(0, Math.min(left, smallestChunk));
      this.write(piece);
      left -= piece.length;
    }
  }

  endFile(): Uint8Array {
    while (this.#end > this.#begin) if (!this.#takeGuessed(true)) this.#cut();
    if (this.#isKept) this.#items.push({ ...itemOf(this.#entry as Entry), ...(this.#isAgain && { isAgain: true }) });
    return digestOfChunks(this.#chunks);
  }

  get pending(): number {
    return this.#output.length;
  }

  take(spare?: ArrayBuffer): SinkOutput {
    const bytes = this.#output.takeMemory(spare);
    const items = this.#items;
    this.#items = [];
    return { ...(bytes && { bytes }), items };
  }

  /** Cuts what can be cut before the end of the file is known. */
  #cutAll(): void {
    for (;;) {
      if (this.#takeGuessed(false)) continue;
      if (this.#end - this.#begin < largestChunk) return;
      this.#cut();
    }
  }

  /** Takes the next chunk if it is the one of before that is guessed to be next. */
  #takeGuessed(isEnd: boolean): boolean {
    const guess = this.#position === this.#refusedAt ? undefined : this.#earlier?.guess(this.#position);
    const waiting = this.#end - this.#begin;
    if (guess === undefined || guess.length > waiting) return false;
    if (guess.isLast && !(isEnd && guess.length === waiting)) return false;
    const chunk = this.#rest.subarray(this.#begin, this.#begin + guess.length);
    const digest = hash('sha256', chunk, 'buffer');
    if (digest.toString('latin1') !== guess.id) {
      this.#refusedAt = this.#position;
      return false;
    }
    this.#take(chunk, digest);
    this.#begin += chunk.length;
    return true;
  }

  #cut(): void {
    const rest = this.#rest.subarray(this.#begin, this.#end);
    if (rest.length >= largestChunk && isZero(rest.subarray(0, largestChunk))) {
      this.#take(zeros, zeroDigest());
      this.#begin += largestChunk;
      return;
    }
    const chunk = rest.subarray(0, this.#cutter.cut(this.#begin, this.#end));
    this.#take(chunk, hash('sha256', chunk, 'buffer'));
    this.#begin += chunk.length;
  }

  #take(chunk: Uint8Array, digest: Buffer): void {
    const id = digest.toString('latin1');
    const isEarlier = this.#earlier?.took(id) ?? false;
    this.#position += chunk.length;
    this.#chunks.push(digest);
    if (!this.#isKept) return;
    this.#items.push({
      kind: 'chunk',
      ...(isEarlier ? { id, length: chunk.length } : this.#give(chunk, digest)),
    });
  }

  #give(chunk: Uint8Array, digest: Buffer): GivenChunk {
    const given = { id: digest.toString('latin1'), length: chunk.length };
    if (chunk === zeros && this.#hasGivenZeros) return given;
    if (chunk === zeros) this.#hasGivenZeros = true;
    const start = this.#output.length;
    this.#output.put(packRecord(digest, chunk.length));
    this.#output.put(chunk);
    return { ...given, start };
  }
}

/** What holes consist of: nothing in zeros makes a cut, so that they are cut where a chunk may be no longer. */
const zeros = Buffer.alloc(largestChunk);
let digestOfZeros: Buffer | undefined;
/** The SHA-256 of the largest chunk of zeros; reckoned when it is first asked for. */
export const zeroDigest = (): Buffer => (digestOfZeros ??= hash('sha256', zeros, 'buffer'));

/** Are these bytes, at most `largestChunk`, nothing but zeros? */
export const isZero = (bytes: Uint8Array): boolean => zeros.subarray(0, bytes.length).equals(bytes);

const itemOf = (entry: Entry, only?: GivenChunk) =>
  ({ kind: 'entry', path: entry.path.toString('latin1'), line: entryLine(entry), ...(only && { only }) }) as const;

/** What stands for a file's content in digests: the SHA-256 of its only chunk, or that of the chunks' one after another. */
export function digestOfChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : hash('sha256', Buffer.concat(chunks), 'buffer');
}
