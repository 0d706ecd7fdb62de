/**
 * The content digest as docs/formats.md describes it, written to be compared with that text line by line. XXH64 follows the steps
 * of the xxHash specification (doc/xxhash_spec.md of Cyan4973/xxHash).
 */

const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, bits: bigint): bigint => wrap((value << bits) | (value >> (64n - bits)));
const round = (accumulator: bigint, lane: bigint): bigint =>
  wrap(rotate(wrap(accumulator + lane * prime2), 31n) * prime1);

export function xxh64(input: Uint8Array, seed: bigint): bigint {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  let hash: bigint;
  if (input.length < 32) {
    hash = wrap(seed + prime5);
  } else {
    const accumulators = [wrap(seed + prime1 + prime2), wrap(seed + prime2), seed, wrap(seed - prime1)];
    for (; at + 32 <= input.length; at += 32)
      for (const [lane, accumulator] of accumulators.entries())
        accumulators[lane] = round(accumulator, view.getBigUint64(at + lane * 8, true));
    const [one = 0n, two = 0n, three = 0n, four = 0n] = accumulators;
    hash = wrap(rotate(one, 1n) + rotate(two, 7n) + rotate(three, 12n) + rotate(four, 18n));
    for (const accumulator of accumulators) hash = wrap((hash ^ round(0n, accumulator)) * prime1 + prime4);
  }
  hash = wrap(hash + BigInt(input.length));
  for (; at + 8 <= input.length; at += 8)
    hash = wrap(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * prime1 + prime4);
  for (; at + 4 <= input.length; at += 4)
    hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint32(at, true)) * prime1), 23n) * prime2 + prime3);
  for (; at < input.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint8(at)) * prime5), 11n) * prime1);
  hash = wrap((hash ^ (hash >> 33n)) * prime2);
  hash = wrap((hash ^ (hash >> 29n)) * prime3);
  return hash ^ (hash >> 32n);
}

export function referenceDigest(records: readonly Uint8Array[]): string {
  const sum = (seed: bigint): string =>
    wrap(records.reduce((total, record) => total + xxh64(record, seed), 0n))
      .toString(16)
      .padStart(16, '0');
  return sum(0n) + sum(0x9e3779b1n);
}
