/**
 * A position in the WAL: bytes since its beginning. As text it is two hexadecimal numbers, `16/B374D848`
 * (https://www.postgresql.org/docs/current/datatype-pg-lsn.html).
 */
export type Lsn = bigint;

/** Throws when the text is no position. */
export function parseLsn(text: string): Lsn {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new Error(`'${text}' is no WAL position`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** The earlier of two positions; one that is open is later than any. */
export const earlier = (lsn: Lsn, other: Lsn | undefined): Lsn => (other !== undefined && other < lsn ? other : lsn);
