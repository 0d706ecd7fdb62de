import { hash } from 'node:crypto';
import { GrowingBytes } from '../../growing-bytes.ts';
import type { Entry } from '../tree/entry.ts';
import type { ChunkItem, Sink, SinkOutput } from '../tree/sink.ts';
import { cutOf, largestChunk, smallestChunk } from './cut.ts';
import { entryLine } from './entry-line.ts';
import { packRecord } from './pack.ts';

/** Files as chunks, each a record of a pack, and entries as lines of an index. */
export class ChunkSink implements Sink {
  readonly keepsHoles = false;
  readonly usesSha256 = false;
  readonly #isKept: boolean;
  readonly #output = new GrowingBytes(1_310_720);
  #items: ChunkItem[] = [];
  /** What is not cut yet of the file that is under way. */
  readonly #rest = Buffer.allocUnsafeSlow(2 * largestChunk);
  #begin = 0;
  #end = 0;
  #chunks: Uint8Array[] = [];
  #entry: Entry | undefined;
  #hasGivenZeros = false;

  /** With `nothing`, for digests alone. */
  constructor({ keeps }: { readonly keeps: 'chunks' | 'nothing' }) {
    this.#isKept = keeps === 'chunks';
  }

  addEntry(entry: Entry): void {
    if (!this.#isKept) return;
    this.#items.push({ kind: 'begin' }, itemOf(entry));
  }

  addUnchanged(path: Uint8Array): void {
    this.#items.push({ kind: 'unchanged', path: Buffer.from(path).toString('latin1') });
  }

  addFile(entry: Entry, content: Uint8Array): Uint8Array {
    this.beginFile(entry);
    this.write(content);
    return this.endFile();
  }

  beginFile(entry: Entry): void {
    this.#entry = entry;
    this.#chunks = [];
    this.#begin = 0;
    this.#end = 0;
    if (this.#isKept) this.#items.push({ kind: 'begin' });
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#end === this.#rest.length) {
        this.#rest.copyWithin(0, this.#begin, this.#end);
        this.#end -= this.#begin;
        this.#begin = 0;
      }
      const taken = Math.min(bytes.length - at, this.#rest.length - this.#end);
      this.#rest.set(bytes.subarray(at, at + taken), this.#end);
      this.#end += taken;
      at += taken;
      while (this.#end - this.#begin >= largestChunk) this.#cut();
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
    while (this.#end > this.#begin) this.#cut();
    if (this.#isKept) this.#items.push(itemOf(this.#entry as Entry));
    return digestOfChunks(this.#chunks);
  }

  get pending(): number {
    return this.#output.length;
  }

  take(): SinkOutput {
    const bytes = this.#output.takeMemory();
    const items = this.#items;
    this.#items = [];
    return { ...(bytes && { bytes }), items };
  }

  #cut(): void {
    const rest = this.#rest.subarray(this.#begin, this.#end);
    if (rest.length >= largestChunk && isZero(rest.subarray(0, largestChunk))) {
      this.#take(zeros, zeroDigest());
      this.#begin += largestChunk;
      return;
    }
    const chunk = rest.subarray(0, cutOf(rest));
    this.#take(chunk, hash('sha256', chunk, 'buffer'));
    this.#begin += chunk.length;
  }

  #take(chunk: Uint8Array, digest: Buffer): void {
    this.#chunks.push(digest);
    if (!this.#isKept) return;
    const item = { kind: 'chunk', id: digest.toString('latin1'), length: chunk.length } as const;
    if (chunk === zeros && this.#hasGivenZeros) {
      this.#items.push(item);
      return;
    }
    if (chunk === zeros) this.#hasGivenZeros = true;
    this.#items.push({ ...item, start: this.#output.length });
    this.#output.put(packRecord(digest, chunk.length));
    this.#output.put(chunk);
  }
}

/** What holes consist of: nothing in zeros makes a cut, so that they are cut where a chunk may be no longer. */
const zeros = Buffer.alloc(largestChunk);
let digestOfZeros: Buffer | undefined;
const zeroDigest = (): Buffer => (digestOfZeros ??= hash('sha256', zeros, 'buffer'));

/** Are these bytes, at most `largestChunk`, nothing but zeros? */
export const isZero = (bytes: Uint8Array): boolean => zeros.subarray(0, bytes.length).equals(bytes);

const itemOf = (entry: Entry): ChunkItem => ({
  kind: 'entry',
  path: entry.path.toString('latin1'),
  line: entryLine(entry),
});

/** What stands for a file's content in digests: the SHA-256 of its only chunk, or that of the chunks' one after another. */
export function digestOfChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : hash('sha256', Buffer.concat(chunks), 'buffer');
}
