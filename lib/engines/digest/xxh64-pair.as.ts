// AssemblyScript: XXH64 of the same bytes under the two seeds of Holdfast's content digests (docs/formats.md), in one pass.

export const LANE_SEED: u64 = 0x9e3779b1;

export const P1: u64 = 0x9e3779b185ebca87;
export const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
export const P5: u64 = 0x27d4eb2f165667c5;

/** What `hashPair` and `finish` found: under seed 0, and under `LANE_SEED`. */
export let first: u64 = 0;
export let second: u64 = 0;

/** Hashes the bytes from `at` to `end`. */
export function hashPair(at: usize, end: usize): void {
  const length = <u64>(end - at);
  let x: u64;
  let y: u64;
  if (length >= 32) {
    let x0: u64 = P1 + P2;
    let x1: u64 = P2;
    let x2: u64 = 0;
    let x3: u64 = 0 - P1;
    let y0: u64 = x0 + LANE_SEED;
    let y1: u64 = x1 + LANE_SEED;
    let y2: u64 = x2 + LANE_SEED;
    let y3: u64 = x3 + LANE_SEED;
    const last = end - 32;
    do {
      const w0 = load<u64>(at) * P2;
      const w1 = load<u64>(at, 8) * P2;
      const w2 = load<u64>(at, 16) * P2;
      const w3 = load<u64>(at, 24) * P2;
      x0 = round(x0, w0);
      y0 = round(y0, w0);
      x1 = round(x1, w1);
      y1 = round(y1, w1);
      x2 = round(x2, w2);
      y2 = round(y2, w2);
      x3 = round(x3, w3);
      y3 = round(y3, w3);
      at += 32;
    } while (at <= last);
    x = converge(x0, x1, x2, x3);
    y = converge(y0, y1, y2, y3);
  } else {
    x = P5;
    y = LANE_SEED + P5;
  }
  finish(x + length, y + length, at, end);
}

@inline
export function round(accumulator: u64, scaled: u64): u64 {
  return rotl(accumulator + scaled, 31) * P1;
}

@inline
export function converge(v0: u64, v1: u64, v2: u64, v3: u64): u64 {
  let x = rotl(v0, 1) + rotl(v1, 7) + rotl(v2, 12) + rotl(v3, 18);
  x = (x ^ round(0, v0 * P2)) * P1 + P4;
  x = (x ^ round(0, v1 * P2)) * P1 + P4;
  x = (x ^ round(0, v2 * P2)) * P1 + P4;
  return (x ^ round(0, v3 * P2)) * P1 + P4;
}

/** The last 0 to 31 bytes and XXH64's avalanche. */
@inline
export function finish(x: u64, y: u64, at: usize, end: usize): void {
  while (at + 8 <= end) {
    const w = round(0, load<u64>(at) * P2);
    x = rotl(x ^ w, 27) * P1 + P4;
    y = rotl(y ^ w, 27) * P1 + P4;
    at += 8;
  }
  if (at + 4 <= end) {
    const w = <u64>load<u32>(at) * P1;
    x = rotl(x ^ w, 23) * P2 + P3;
    y = rotl(y ^ w, 23) * P2 + P3;
    at += 4;
  }
  while (at < end) {
    const w = <u64>load<u8>(at) * P5;
    x = rotl(x ^ w, 11) * P1;
    y = rotl(y ^ w, 11) * P1;
    at++;
  }
  x = (x ^ (x >> 33)) * P2;
  y = (y ^ (y >> 33)) * P2;
  x = (x ^ (x >> 29)) * P3;
  y = (y ^ (y >> 29)) * P3;
  first = x ^ (x >> 32);
  second = y ^ (y >> 32);
}
