import { hex8 } from '../engines/postgres/replication/wal-segments.ts';

/**
 * What the store calls the files of a server's WAL: by the server's own names, and pieces of segments by the segment's name and the bytes of
 * it that they hold, so that a listing tells what there is.
 */
export type WalName =
  | { readonly kind: 'segment'; readonly timeline: number }
  | {
      readonly kind: 'piece';
      readonly timeline: number;
      readonly segment: string;
      /** Which bytes of the segment. */
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'history'; readonly timeline: number }
  /** What a server archives beside: the last segment of a timeline that was left (`.partial`), and labels of backups (`.backup`). */
  | { readonly kind: 'other'; readonly timeline: number };

/** What the name says; undefined when it is none of a WAL file. */
export function parseWalName(name: string): WalName | undefined {
  const digits = /^([0-9A-F]{8})(.*)$/.exec(name);
  if (!digits?.[1]) return undefined;
  const timeline = Number.parseInt(digits[1], 16);
  const rest = digits[2] ?? '';
  if (rest === '.history') return { kind: 'history', timeline };
  if (/^[0-9A-F]{16}$/.test(rest)) return { kind: 'segment', timeline };
  const [, segment, from, to] = /^([0-9A-F]{16})\.partial-([0-9A-F]{8})-([0-9A-F]{8})$/.exec(rest) ?? [];
  if (segment !== undefined && from !== undefined && to !== undefined) {
    const piece = { from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) };
    return piece.from < piece.to ? { kind: 'piece', timeline, segment: digits[1] + segment, ...piece } : undefined;
  }
  return /^[0-9A-F]{16}(?:\.partial|\.[0-9A-F]{8}\.backup)$/.test(rest) ? { kind: 'other', timeline } : undefined;
}

/** The name of a piece that holds the bytes `from` to `to` (exclusive) of a segment. */
export const pieceName = (segment: string, from: number, to: number): string =>
  `${segment}.partial-${hex8(from)}-${hex8(to)}`;

/** The folder of a timeline, and its part of every segment's name. */
export const timelineDigits = (timeline: number): string => hex8(timeline);
