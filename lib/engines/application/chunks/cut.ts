import { hash } from 'node:crypto';
import { wasmModule } from '../../wasm-module.ts';
import { cutWasm } from './cut.wasm.ts';

/** Chunks are at least so long, but the last of a file, and on the average four times that. */
export const smallestChunk = 256 * 1024;
export const largestChunk = 4 * 1024 * 1024;

type Global = { readonly value: number };
type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly gear: Global;
  readonly input: Global;
  cut(begin: number, end: number): number;
};

const instantiate = wasmModule<Exports>(cutWasm);

/** A number for each byte, as if by chance: the first four bytes of the SHA-256 of `holdfast gear` and the byte. */
const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  hash('sha256', Buffer.concat([Buffer.from('holdfast gear'), Buffer.from([byte])]), 'buffer').readInt32LE(0),
);

/**
 * Cuts chunks by their content (FastCDC with normalised chunking): the same bytes are cut in the same places, whatever comes before them. In
 * WebAssembly, which is three times as fast at it.
 */
export class Cutter {
  readonly #wasm = instantiate();
  /** What is to be cut, for whoever wants it cut to write to: room for two of the largest chunks. */
  readonly memory: Uint8Array;

  constructor() {
    const { memory, gear: numbers, input } = this.#wasm;
    new Int32Array(memory.buffer, numbers.value, gear.length).set(gear);
    this.memory = new Uint8Array(memory.buffer, input.value, 2 * largestChunk);
  }

  /** How long the first chunk is of what the memory holds from `begin` to `end`: the largest chunk at least, or all that is left of a file. */
  cut(begin: number, end: number): number {
    return this.#wasm.cut(begin, end);
  }
}
