// AssemblyScript, compiled to record-digest.wasm.ts by scripts/build-wasm.ts; docs/formats.md says what it computes.

import { first, hashPair, second } from './xxh64-pair.as';

/** Where JavaScript puts the record: the last of the memory, which it makes grow. */
export const input: usize = memory.data(65536, 16);

export let lane0: u64 = 0;
export let lane1: u64 = 0;

/** Hashes the `length` bytes at `input`. */
export function hash(length: usize): void {
  hashPair(input, input + length);
  lane0 = first;
  lane1 = second;
}
