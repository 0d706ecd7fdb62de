/** The two sums that make up a content digest, each modulo 2^64; see docs/formats.md. */
export type Lanes = readonly [bigint, bigint];

export const noLanes: Lanes = [0n, 0n];

/** The lanes of both, as if all had been taken in by one. */
export const addLanes = (one: Lanes, other: Lanes): Lanes => [
  BigInt.asUintN(64, one[0] + other[0]),
  BigInt.asUintN(64, one[1] + other[1]),
];

/** The digest as it stands in manifests: 32 hexadecimal digits. */
export const lanesText = (lanes: Lanes): string => lanes.map((lane) => lane.toString(16).padStart(16, '0')).join('');

/** The lanes of a digest as it stands in manifests. */
export const parseLanes = (digest: string): Lanes => [
  BigInt(`0x${digest.slice(0, 16)}`),
  BigInt(`0x${digest.slice(16)}`),
];
