import type { Lsn } from './lsn.ts';

/**
 * A number as it stands in the names of WAL. It comes in files of one size (16 MiB unless the cluster was made with another), each named by its
 * timeline and place: three times eight hexadecimal digits (XLogFileName in src/include/access/xlog_internal.h).
 */
export const hex8 = (value: bigint | number): string => value.toString(16).toUpperCase().padStart(8, '0');
const segmentsPerId = (segmentBytes: number): bigint => 0x1_0000_0000n / BigInt(segmentBytes);

/** The beginning of the segment that holds the position. */
export const segmentStart = (lsn: Lsn, segmentBytes: number): Lsn => lsn - (lsn % BigInt(segmentBytes));

/** The name of the segment that holds the position, e.g. `000000010000000A000000FF`. */
export function segmentName(timeline: number, lsn: Lsn, segmentBytes: number): string {
  const number = lsn / BigInt(segmentBytes);
  const perId = segmentsPerId(segmentBytes);
  return hex8(timeline) + hex8(number / perId) + hex8(number % perId);
}

export type SegmentPlace = { readonly timeline: number; readonly start: Lsn };

/** Where the segment of that name begins; undefined when it is no segment's name. */
export function parseSegmentName(name: string, segmentBytes: number): SegmentPlace | undefined {
  const [, timeline, id, number] = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/.exec(name) ?? [];
  if (timeline === undefined || id === undefined || number === undefined) return undefined;
  const perId = segmentsPerId(segmentBytes);
  if (BigInt(`0x${number}`) >= perId) return undefined;
  const start = (BigInt(`0x${id}`) * perId + BigInt(`0x${number}`)) * BigInt(segmentBytes);
  return { timeline: Number.parseInt(timeline, 16), start };
}

/** `00000002.history`: how the timeline came to be. */
export const historyName = (timeline: number): string => `${hex8(timeline)}.history`;
