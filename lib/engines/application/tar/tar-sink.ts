import { GrowingBytes } from '../../growing-bytes.ts';
import type { Entry } from '../tree/entry.ts';
import type { AboutFile, Sink, SinkOutput } from '../tree/sink.ts';
import { padding, paxHeaders, sparseMap } from './pax-header.ts';

/** Entries as those of a tar archive. */
export class TarSink implements Sink {
  readonly keepsHoles = true;
  readonly usesSha256 = true;
  readonly #output = new GrowingBytes(1_310_720);
  #written = 0;

  addEntry(entry: Entry): void {
    this.#output.put(paxHeaders(entry));
  }

  addFile(entry: Entry, content: Uint8Array, sha256: Uint8Array): Uint8Array {
    this.#output.put(paxHeaders(entry));
    this.#output.put(content);
    this.#output.put(padding(content.length));
    return sha256;
  }

  beginFile(entry: Entry, { stretches, isAgain }: AboutFile): void {
    this.#written = 0;
    if (stretches === undefined) {
      this.#output.put(paxHeaders(entry, { isAgain }));
      return;
    }
    const map = sparseMap(stretches, entry.size);
    const dataBytes = stretches.reduce((sum, { length }) => sum + length, 0);
    this.#output.put(paxHeaders(entry, { isAgain, sparse: { map, dataBytes } }));
    this.#output.put(map);
  }

  room(wanted: number): Uint8Array {
    return this.#output.room(wanted);
  }

  write(bytes: Uint8Array): void {
    this.#output.put(bytes);
    this.#written += bytes.length;
  }

  /** Holes are told by the list of stretches. */
  writeZeros(): void {}

  endFile(sha256: Uint8Array): Uint8Array {
    this.#output.put(padding(this.#written));
    return sha256;
  }

  get pending(): number {
    return this.#output.length;
  }

  take(spare?: ArrayBuffer): SinkOutput {
    const bytes = this.#output.takeMemory(spare);
    return bytes === undefined ? {} : { bytes };
  }
}
