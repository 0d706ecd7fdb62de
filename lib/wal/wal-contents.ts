import { earlier, type Lsn } from '../engines/postgres/replication/lsn.ts';
import { type TimelinePath, timelineAt } from '../engines/postgres/replication/timeline-history.ts';
import { parseSegmentName, segmentName, segmentStart } from '../engines/postgres/replication/wal-segments.ts';
import { parseWalName } from './wal-names.ts';

/** A segment as far as the store has it. */
export type WalSegment = {
  readonly name: string;
  readonly start: Lsn;
  /** Up to here the store has it without a hole: its own end when it is whole. */
  readonly end: Lsn;
  readonly isWhole: boolean;
  /** The pieces that make it up, in order, when it is not whole. */
  readonly pieces: readonly string[];
};

/** The segments of one timeline, in order, of the names that the store lists for it. */
export function segmentsOf(names: Iterable<string>, segmentBytes: number): WalSegment[] {
  const wholes = new Set<string>();
  const pieces = new Map<string, Piece[]>();
  for (const name of names) {
    const parsed = parseWalName(name);
    if (parsed?.kind === 'segment') wholes.add(name);
    if (parsed?.kind !== 'piece') continue;
    const others = pieces.get(parsed.segment) ?? [];
    others.push({ name, from: parsed.from, to: parsed.to });
    pieces.set(parsed.segment, others);
  }
  return [...new Set([...wholes, ...pieces.keys()])].sort().flatMap((name): WalSegment[] => {
    const place = parseSegmentName(name, segmentBytes);
    if (place === undefined) return [];
    const { start } = place;
    if (wholes.has(name)) return [{ name, start, end: start + BigInt(segmentBytes), isWhole: true, pieces: [] }];
    const chain = chainOf(pieces.get(name) ?? []);
    const reached = BigInt(chain.at(-1)?.to ?? 0);
    return [{ name, start, end: start + reached, isWhole: false, pieces: chain.map((piece) => piece.name) }];
  });
}

type Piece = { readonly name: string; readonly from: number; readonly to: number };

/** As few pieces as reach as far as they can from the segment's beginning: of those that go on where the last ended, always the longest. */
function chainOf(pieces: readonly Piece[]): Piece[] {
  const chain: Piece[] = [];
  for (let reached = 0; ; ) {
    const next = pieces
      .filter(({ from, to }) => from <= reached && to > reached)
      .reduce<Piece | undefined>((best, piece) => (best === undefined || piece.to > best.to ? piece : best), undefined);
    if (next === undefined) return chain;
    chain.push(next);
    reached = next.to;
  }
}

/** How far WAL goes without a hole. */
export type WalExtent = {
  readonly timeline: number;
  readonly lsn: Lsn;
  /** The first segment that is not there, or not whole. */
  readonly missing: string;
  /** Is there WAL beyond it? Then something is lost, and not only not yet there. */
  readonly isGap: boolean;
};

/**
 * How far WAL goes without a hole from `from` along `path`, of the segments that the store has of each timeline. As a server reads it: a
 * segment that belongs to two timelines is taken from the later one, which begins with a copy of the earlier one's bytes.
 */
export function extentOf(
  segments: ReadonlyMap<number, readonly WalSegment[]>,
  path: TimelinePath,
  { from, segmentBytes }: { readonly from: Lsn; readonly segmentBytes: number },
): WalExtent {
  const byName = new Map([...segments.values()].flat().map((segment) => [segment.name, segment]));
  let reached = from;
  let timeline = timelineAt(path, from);
  for (;;) {
    const start = segmentStart(reached, segmentBytes);
    const next = start + BigInt(segmentBytes);
    const candidates = path
      .filter(({ begin, end }) => begin < next && (end === undefined || end > start))
      .map((stretch) => ({ ...stretch, segment: byName.get(segmentName(stretch.timeline, start, segmentBytes)) }));
    const best = candidates
      .filter(({ segment }) => segment !== undefined)
      .map(({ timeline: id, end, segment }) => ({ timeline: id, end: earlier(segment?.end ?? start, end) }))
      .reduce<{ timeline: number; end: Lsn } | undefined>(
        (furthest, candidate) => (furthest === undefined || candidate.end >= furthest.end ? candidate : furthest),
        undefined,
      );
    if (best !== undefined && best.end > reached) {
      reached = best.end;
      timeline = best.timeline;
      if (reached === next) continue;
    }
    const wanted = candidates.at(-1)?.timeline ?? timeline;
    const isGap = path.some(({ timeline: id, begin, end }) =>
      (segments.get(id) ?? []).some(
        (segment) =>
          segment.start >= next && segment.start + BigInt(segmentBytes) > begin && (end ?? segment.end) > segment.start,
      ),
    );
    return { timeline, lsn: reached, missing: segmentName(wanted, start, segmentBytes), isGap };
  }
}

/** A hole in the WAL of a timeline: the segments `first` to `last` are not there, and later ones are. */
export type WalGap = {
  readonly timeline: number;
  readonly first: string;
  readonly last: string;
  readonly from: Lsn;
  readonly to: Lsn;
};

/** The holes between the segments of one timeline, in order. */
export function gapsOf(timeline: number, segments: readonly WalSegment[], segmentBytes: number): WalGap[] {
  const gaps: WalGap[] = [];
  for (const [index, segment] of segments.entries()) {
    const following = segments[index + 1];
    if (following === undefined || segment.end >= following.start) continue;
    gaps.push({
      timeline,
      first: segmentName(timeline, segmentStart(segment.end, segmentBytes), segmentBytes),
      last: segmentName(timeline, following.start - 1n, segmentBytes),
      from: segment.end,
      to: following.start,
    });
  }
  return gaps;
}
