// AssemblyScript, compiled to page-checksum.wasm.ts by scripts/build-wasm.ts: the checksum of PostgreSQL's pages, as
// src/include/storage/checksum_impl.h defines it. 32 sums side by side, each of every 32nd word of the page.

const PAGE: usize = 8192;
const PRIME: i32 = 16777619;

/** How many pages `input` has room for. */
export const CAPACITY: i32 = 32;
export const input: usize = memory.data(32 * 8192, 16);

// prettier-ignore
const bases: StaticArray<u32> = [
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
  0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
  0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
];

/**
 * Of so many pages in `input`, the first one whose checksum is wrong, or -1. `block` is the number of the first in its relation. Pages that
 * were never written are passed over, and those whose last change is not before `start`: they may be torn, and recovery replaces them.
 */
export function firstDamaged(pages: i32, block: u32, start: u64): i32 {
  for (let page = 0; page < pages; page++) {
    const at = input + <usize>page * PAGE;
    if (load<u16>(at, 14) == 0) continue;
    const lsn = ((<u64>load<u32>(at)) << 32) | <u64>load<u32>(at, 4);
    if (lsn >= start) continue;
    const expected = load<u16>(at, 8);
    // The checksum is of the page with this field empty.
    store<u16>(at, 0, 8);
    const sum = checksum(at) ^ (block + page);
    if (<u16>((sum % 65535) + 1) != expected) return page;
  }
  return -1;
}

@inline
function step(sum: v128, value: v128): v128 {
  const mixed = v128.xor(sum, value);
  return v128.xor(i32x4.mul(mixed, i32x4.splat(PRIME)), i32x4.shr_u(mixed, 17));
}

function checksum(at: usize): u32 {
  const base = changetype<usize>(bases);
  let s0 = v128.load(base);
  let s1 = v128.load(base, 16);
  let s2 = v128.load(base, 32);
  let s3 = v128.load(base, 48);
  let s4 = v128.load(base, 64);
  let s5 = v128.load(base, 80);
  let s6 = v128.load(base, 96);
  let s7 = v128.load(base, 112);
  for (const end = at + PAGE; at < end; at += 128) {
    s0 = step(s0, v128.load(at));
    s1 = step(s1, v128.load(at, 16));
    s2 = step(s2, v128.load(at, 32));
    s3 = step(s3, v128.load(at, 48));
    s4 = step(s4, v128.load(at, 64));
    s5 = step(s5, v128.load(at, 80));
    s6 = step(s6, v128.load(at, 96));
    s7 = step(s7, v128.load(at, 112));
  }
  const zero = i32x4.splat(0);
  for (let round = 0; round < 2; round++) {
    s0 = step(s0, zero);
    s1 = step(s1, zero);
    s2 = step(s2, zero);
    s3 = step(s3, zero);
    s4 = step(s4, zero);
    s5 = step(s5, zero);
    s6 = step(s6, zero);
    s7 = step(s7, zero);
  }
  const all = v128.xor(v128.xor(v128.xor(s0, s1), v128.xor(s2, s3)), v128.xor(v128.xor(s4, s5), v128.xor(s6, s7)));
  return (
    i32x4.extract_lane(all, 0) ^ i32x4.extract_lane(all, 1) ^ i32x4.extract_lane(all, 2) ^ i32x4.extract_lane(all, 3)
  );
}
