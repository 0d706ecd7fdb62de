import { HoldfastError } from '../../../core/errors.ts';
import { type DigestSum, digestText } from '../../digest/digest-sum.ts';
import { wasmModule } from '../../wasm-module.ts';
import { rowDigestWasm } from './row-digest.wasm.ts';

/** What a block's bytes are; the order is that of the constants in row-digest.as.ts. */
const kinds = ['rows', 'objects', 'opaque', 'opaque-objects', 'text', 'record', 'script-rows'] as const;
export type BlockKind = (typeof kinds)[number];

/** Where a block stands after the bytes given so far. */
const states = ['more', 'ended', 'bad-length', 'after-end-mark', 'no-end-mark'] as const;
export type BlockState = (typeof states)[number];

type Global<T> = { readonly value: T };

type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly input: Global<number>;
  readonly CAPACITY: Global<number>;
  readonly status: Global<number>;
  readonly rows: Global<bigint>;
  readonly bytes: Global<bigint>;
  readonly lane0: Global<bigint>;
  readonly lane1: Global<bigint>;
  readonly output: Global<number>;
  readonly collected: Global<number>;
  begin(kind: number, isCollected: boolean): void;
  push(length: number): number;
  end(): void;
};

const instantiate = wasmModule<Exports>(rowDigestWasm);

/** Takes in the data of one block after another and sums the hashes of their rows. Holds 324 KiB, whatever it is given. */
export class BlockDigest {
  readonly #wasm: Exports;
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;

  #collect: ((bytes: Uint8Array) => void) | undefined;

  constructor() {
    this.#wasm = instantiate();
    const { input, output, CAPACITY, memory } = this.#wasm;
    this.#input = new Uint8Array(memory.buffer, input.value, CAPACITY.value);
    this.#output = new Uint8Array(memory.buffer, output.value, CAPACITY.value);
  }

  get state(): BlockState {
    return states[this.#wasm.status.value] ?? 'bad-length';
  }

  /**
   * Begins a block; what was summed before is forgotten. `collect` is given what the block's chunks hold as they come, without their
   * lengths and with the end mark; the bytes are good until it returns.
   */
  begin(kind: BlockKind, collect?: (bytes: Uint8Array) => void): void {
    this.#collect = collect;
    this.#wasm.begin(kinds.indexOf(kind), collect !== undefined);
  }

  /** Takes in bytes until the block ends or is found faulty; returns how many it took. */
  push(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this.#wasm.status.value === 0) {
      const piece = bytes.subarray(taken, taken + this.#input.length);
      this.#input.set(piece);
      taken += this.#wasm.push(piece.length);
      const collected = this.#wasm.collected.value;
      if (collected > 0) this.#collect?.(this.#output.subarray(0, collected));
    }
    return taken;
  }

  /** Ends a `text` or `record` block, which have no end of their own. */
  end(): void {
    this.#wasm.end();
  }

  /** What the block has come to so far. */
  sum(): DigestSum {
    return {
      rows: Number(BigInt.asUintN(64, this.#wasm.rows.value)),
      bytes: Number(BigInt.asUintN(64, this.#wasm.bytes.value)),
      lanes: [BigInt.asUintN(64, this.#wasm.lane0.value), BigInt.asUintN(64, this.#wasm.lane1.value)],
    };
  }
}

/** The digest of rows as `COPY … TO STDOUT` sends them: the same as that of the table's data in an archive. */
export class CopyTextDigest {
  readonly #block = new BlockDigest();

  constructor() {
    this.#block.begin('text');
  }

  /** Takes in the next bytes; rows may be split anywhere. */
  write(chunk: Uint8Array): void {
    this.#block.push(chunk);
  }

  /** Rows, bytes and digest. Throws `dump-incomplete` when the last row has no line end. */
  end(): { readonly rows: number; readonly bytes: number; readonly digest: string } {
    this.#block.end();
    const sum = this.#block.sum();
    if (this.#block.state !== 'ended')
      throw new HoldfastError('dump-incomplete', `the rows end within row ${sum.rows + 1}: expected its line end`);
    return { rows: sum.rows, bytes: sum.bytes, digest: digestText(sum) };
  }
}
