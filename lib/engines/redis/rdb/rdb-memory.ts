import type { Lanes } from '../../digest/lanes.ts';
import { wasmModule } from '../../wasm-module.ts';
import { rdbMemoryWasm } from './rdb-memory.wasm.ts';

type Global<T> = { readonly value: T };

/** What rdb-memory.as.ts exports; its comments say what each does. */
type Calls = {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly free: Global<number>;
  readonly checksum: Global<number>;
  readonly stage: Global<number>;
  readonly slots: Global<number>;
  readonly SLOTS: Global<number>;
  readonly SLACK: Global<number>;
  sumUp(at: number, length: number): void;
  expand(at: number, length: number, to: number, room: number): number;
  hashOf(at: number, length: number): void;
  decimalAt(at: number, size: number, to: number): number;
  decimalOf(value: number, to: number): number;
  beginKey(at: number, length: number): void;
  text(at: number, length: number): void;
  whole(value: number): void;
  real(value: number): void;
  endElement(): void;
  element(at: number, length: number): void;
  endKey(slot: number, expireAt: number): void;
};

const instantiate = wasmModule<Calls>(rdbMemoryWasm);
const pageBytes = 65_536;
const stageBytes = 64;

/**
 * Memory that checksums, decompression and digests work in without a copy. From `base` on it is the caller's, in the way of a stack: what was
 * taken goes back all at once. Growing makes a new `view`, so none may be kept across `take`.
 */
export class RdbMemory {
  readonly calls: Calls;
  /** All of it. */
  view: Buffer;
  readonly base: number;

  #top: number;

  constructor() {
    this.calls = instantiate();
    this.view = Buffer.from(this.calls.memory.buffer);
    this.base = (this.calls.free.value + 15) & ~15;
    this.#top = this.base;
  }

  get top(): number {
    return this.#top;
  }

  /** Takes so many bytes and gives their place. */
  take(length: number): number {
    const at = this.#top;
    this.#top += length;
    if (this.#top > this.view.length) {
      this.calls.memory.grow(Math.ceil((this.#top - this.view.length) / pageBytes));
      this.view = Buffer.from(this.calls.memory.buffer);
    }
    return at;
  }

  /** Gives back what was taken from there on. */
  giveBack(top: number): void {
    this.#top = top;
  }

  /** Both hashes of the bytes. */
  hashOf(bytes: Uint8Array): Lanes {
    this.calls.hashOf(this.placeOf(bytes), bytes.length);
    const at = this.calls.stage.value;
    return [this.view.readBigUInt64LE(at), this.view.readBigUInt64LE(at + 8)];
  }

  /** The CRC-64 of Redis over all of the pieces, one behind the other. */
  checksumOf(...pieces: readonly Uint8Array[]): bigint {
    return this.checksumFrom(0n, ...pieces);
  }

  /** The same, going on from the sum of what was before. */
  checksumFrom(sum: bigint, ...pieces: readonly Uint8Array[]): bigint {
    const at = this.calls.checksum.value;
    // A file that is being read has its own sum there.
    const other = this.view.readBigUInt64LE(at);
    this.view.writeBigUInt64LE(sum, at);
    for (const piece of pieces) this.calls.sumUp(this.placeOf(piece), piece.length);
    const result = this.view.readBigUInt64LE(at);
    this.view.writeBigUInt64LE(other, at);
    return result;
  }

  /**
   * Where the bytes are in this memory. Those that are not in it are copied, and are good until the next are. Places stay good when many bytes
   * make the memory grow, but views of it do not: take the places of what is in it first.
   */
  placeOf(bytes: Uint8Array): number {
    if (bytes.buffer === this.view.buffer) return bytes.byteOffset;
    if (bytes.length <= stageBytes) {
      const { value } = this.calls.stage;
      this.view.set(bytes, value);
      return value;
    }
    const at = this.take(bytes.length);
    this.view.set(bytes, at);
    this.giveBack(at);
    return at;
  }
}
