import { xxh64 } from '../postgres/archive/reference-digest.ts';

/**
 * The digest of Redis keys as docs/formats.md describes it, written to be compared with that text line by line. A part of a record is a string,
 * which is hashed, or a number.
 */
type Part = Uint8Array | number | bigint | { readonly real: number };
export type ReferenceKey = {
  readonly key: Uint8Array;
  readonly expireAt?: number;
  readonly elements: readonly (readonly Part[])[];
};

const seeds = [0n, 0x9e3779b1n] as const;
const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);

function record(parts: readonly Part[], seed: bigint): bigint {
  const bytes = Buffer.alloc(parts.length * 8);
  for (const [index, part] of parts.entries()) {
    if (part instanceof Uint8Array) bytes.writeBigUInt64LE(xxh64(part, seed), index * 8);
    else if (typeof part === 'object') bytes.writeDoubleLE(part.real === 0 ? 0 : part.real, index * 8);
    else bytes.writeBigUInt64LE(wrap(BigInt(part)), index * 8);
  }
  return xxh64(bytes, seed);
}

export function referenceKeyDigest(keys: readonly ReferenceKey[]): string {
  return seeds
    .map((seed) => {
      const hashes = keys.map(({ key, expireAt = 0, elements }) => {
        const sum = wrap(elements.reduce((total, element) => total + record(element, seed), 0n));
        return record([key, expireAt, elements.length, sum], seed);
      });
      return wrap(hashes.reduce((total, hash) => total + hash, 0n))
        .toString(16)
        .padStart(16, '0');
    })
    .join('');
}
