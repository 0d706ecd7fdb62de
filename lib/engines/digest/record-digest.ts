import { wasmModule } from '../wasm-module.ts';
import type { DigestSum } from './digest-sum.ts';
import { recordDigestWasm } from './record-digest.wasm.ts';

type Global<T> = { readonly value: T };

type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly input: Global<number>;
  readonly lane0: Global<bigint>;
  readonly lane1: Global<bigint>;
  hash(length: number): void;
};

const instantiate = wasmModule<Exports>(recordDigestWasm);
const pageBytes = 65_536;

/** Takes in records that are texts, one by one. See docs/formats.md, content digest. */
export class RecordDigest {
  readonly #wasm = instantiate();
  #input = this.#memoryFrom();

  /** What the one record comes to: both hashes of its UTF-8 bytes, and how many those are. */
  sumOf(record: string): DigestSum {
    // No character of UTF-16 takes more than three bytes of UTF-8.
    this.#reserve(record.length * 3);
    const length = this.#input.write(record, 0, 'utf8');
    this.#wasm.hash(length);
    const { lane0, lane1 } = this.#wasm;
    return { rows: 1, bytes: length, lanes: [BigInt.asUintN(64, lane0.value), BigInt.asUintN(64, lane1.value)] };
  }

  /** Growing takes the memory away from under what looked at it. */
  #reserve(bytes: number): void {
    if (bytes <= this.#input.length) return;
    this.#wasm.memory.grow(Math.ceil((bytes - this.#input.length) / pageBytes));
    this.#input = this.#memoryFrom();
  }

  #memoryFrom(): Buffer {
    return Buffer.from(this.#wasm.memory.buffer, this.#wasm.input.value);
  }
}
