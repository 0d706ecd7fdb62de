import { earlier, type Lsn } from '../../engines/postgres/replication/lsn.ts';
import { type TimelinePath, timelineAt } from '../../engines/postgres/replication/timeline-history.ts';
import { extentOf, type WalSegment } from '../wal-contents.ts';

/** Where receiving begins. */
export type WalStart = {
  readonly timeline: number;
  /** The store has everything before it, or nothing from before that could be gone on with. */
  readonly lsn: Lsn;
  /** Where to begin instead when the server no longer has that: what lies between is lost. */
  readonly otherwise?: { readonly timeline: number; readonly lsn: Lsn };
};

/**
 * Where to go on, of what the server keeps for the slot and what the store has on the server's own way through the timelines: at the end of
 * what follows the slot's position in the store without a hole; if that is nothing, at the end of what the store has before it, in the hope
 * that the server still has the rest; else at the slot's position.
 */
export function planStart(
  path: TimelinePath,
  segments: ReadonlyMap<number, readonly WalSegment[]>,
  { slotLsn, segmentBytes }: { readonly slotLsn: Lsn; readonly segmentBytes: number },
): WalStart {
  const atSlot = { timeline: timelineAt(path, slotLsn), lsn: slotLsn };
  const { lsn: reached } = extentOf(segments, path, { from: slotLsn, segmentBytes });
  if (reached > slotLsn) return { timeline: timelineAt(path, reached), lsn: reached };
  const last = path
    .flatMap(({ timeline, begin, end }) =>
      (segments.get(timeline) ?? []).map((segment) => earlier(segment.end, end)).filter((lsn) => lsn > begin),
    )
    .filter((lsn) => lsn < slotLsn)
    .reduce<Lsn | undefined>((latest, lsn) => (latest === undefined || lsn > latest ? lsn : latest), undefined);
  if (last === undefined) return atSlot;
  return { timeline: timelineAt(path, last), lsn: last, otherwise: atSlot };
}
