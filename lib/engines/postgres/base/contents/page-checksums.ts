import { wasmModule } from '../../../wasm-module.ts';
import type { Lsn } from '../../replication/lsn.ts';
import { pageChecksumWasm } from './page-checksum.wasm.ts';

const pageBytes = 8192;
/** A relation's file goes on in the next one after so many pages. */
const pagesPerFile = 131_072;

type Global<T> = { readonly value: T };
type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly input: Global<number>;
  readonly CAPACITY: Global<number>;
  firstDamaged(pages: number, block: number, start: bigint): number;
};

const instantiate = wasmModule<Exports>(pageChecksumWasm);

/** A relation's file by its path in the cluster, or in a tablespace: which of its files it is. */
const relationFile = /^(?:global|base\/\d+|PG_\d+_\d+\/\d+)\/\d+(?:_(?:fsm|vm|init))?(?:\.(\d+))?$/;

/** Checks the pages of relations' files as they pass. Holds 256 KiB, whatever it is given. */
export class PageChecksums {
  readonly #wasm: Exports;
  readonly #input: Uint8Array;
  readonly #start: bigint;
  readonly #isLeftOut: (name: string) => boolean;
  #isRelation = false;
  #filled = 0;
  #block = 0;
  #damaged: number | undefined;

  /** `startLsn`: pages that were changed since may be torn, for recovery writes them anew. `isLeftOut`: says of a file that it is not looked at. */
  constructor(startLsn: Lsn, isLeftOut: (name: string) => boolean = () => false) {
    this.#wasm = instantiate();
    const { memory, input, CAPACITY } = this.#wasm;
    this.#input = new Uint8Array(memory.buffer, input.value, CAPACITY.value * pageBytes);
    this.#start = startLsn;
    this.#isLeftOut = isLeftOut;
  }

  /** The next file begins. What is no relation's, by its name, is passed over. */
  begin(name: string): void {
    const match = relationFile.exec(name);
    this.#isRelation = match !== null && !this.#isLeftOut(name);
    this.#block = Number(match?.[1] ?? 0) * pagesPerFile;
    this.#filled = 0;
    this.#damaged = undefined;
  }

  push(bytes: Uint8Array): void {
    if (!this.#isRelation) return;
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, this.#input.length - this.#filled);
      this.#input.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === this.#input.length) this.#check();
    }
  }

  /** The number of the first block of the relation that is not as it was written; undefined when all are. */
  end(): number | undefined {
    if (this.#isRelation) this.#check();
    return this.#damaged;
  }

  /** A file's last page may be cut short: the server extends it while it is read, and recovery does so again. */
  #check(): void {
    const pages = Math.floor(this.#filled / pageBytes);
    const first = this.#wasm.firstDamaged(pages, this.#block, this.#start);
    if (first >= 0) this.#damaged ??= this.#block + first;
    this.#block += pages;
    this.#filled = 0;
  }
}
