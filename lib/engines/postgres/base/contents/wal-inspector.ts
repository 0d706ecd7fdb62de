import { HoldfastError } from '../../../../core/errors.ts';
import { earlier, formatLsn, type Lsn } from '../../replication/lsn.ts';
import { parseSegmentName, segmentName, segmentStart } from '../../replication/wal-segments.ts';

/** Servers are built with this, and so are all packages of them. */
const pageBytes = 8192;
/** Of a page's header, what is looked at; the first page of a segment has a longer one. */
const longHeaderBytes = 40;
const shortHeaderBytes = 24;
const flags = { isContinuation: 0x0001, isLong: 0x0002 } as const;

type Segment = {
  readonly start: Lsn;
  readonly timeline: number;
  readonly sizeBytes: number;
  /** So much of it, from its beginning, are pages that belong there. */
  validBytes: number;
  /** Are all pages after those empty, as a switch to the next segment leaves them? */
  hasEmptyTail: boolean;
  /** Does it begin within a record of the segment before? */
  isContinuation: boolean;
};

/**
 * Looks at the WAL segments of a backup as they pass: is each page where it says that it belongs? Recycled segments hold old pages behind the
 * end of what was written, so a page that is none only ends what is good.
 */
export class WalInspector {
  readonly #segments = new Map<string, Segment>();
  readonly #header = Buffer.alloc(longHeaderBytes);
  #headerBytes = 0;
  #segment: Segment | undefined;
  #position = 0;
  #isBroken = false;

  /** The next file of `pg_wal` begins. What is no segment by its name, or by its size, is passed over. */
  begin(name: string, sizeBytes: number): void {
    this.#segment = undefined;
    if (!isSegmentSize(sizeBytes)) return;
    const place = parseSegmentName(name, sizeBytes);
    if (place === undefined) return;
    this.#segment = { ...place, sizeBytes, validBytes: 0, hasEmptyTail: false, isContinuation: false };
    this.#segments.set(name, this.#segment);
    this.#position = 0;
    this.#headerBytes = 0;
    this.#isBroken = false;
  }

  push(bytes: Uint8Array): void {
    const segment = this.#segment;
    if (segment === undefined || this.#isBroken) return;
    for (let at = 0; at < bytes.length && !this.#isBroken; ) {
      const inPage = this.#position % pageBytes;
      const wanted = this.#position < pageBytes ? longHeaderBytes : shortHeaderBytes;
      if (inPage < wanted) {
        const taken = Math.min(wanted - inPage, bytes.length - at);
        this.#header.set(bytes.subarray(at, at + taken), inPage);
        this.#headerBytes = inPage + taken;
        if (this.#headerBytes === wanted) this.#check(segment, this.#position - inPage);
        at += taken;
        this.#position += taken;
      } else {
        const skipped = Math.min(pageBytes - inPage, bytes.length - at);
        at += skipped;
        this.#position += skipped;
        if (this.#position % pageBytes === 0 && !segment.hasEmptyTail) segment.validBytes = this.#position;
      }
    }
  }

  #check(segment: Segment, page: number): void {
    const header = this.#header;
    const isFirst = page === 0;
    const isEmpty = !isFirst && header.subarray(0, shortHeaderBytes).every((byte) => byte === 0);
    if (isEmpty) {
      segment.hasEmptyTail = true;
      return;
    }
    const info = header.readUInt16LE(2);
    const isGood =
      !segment.hasEmptyTail &&
      header.readBigUInt64LE(8) === segment.start + BigInt(page) &&
      header.readUInt32LE(4) <= segment.timeline &&
      (!isFirst ||
        ((info & flags.isLong) !== 0 &&
          header.readUInt32LE(32) === segment.sizeBytes &&
          header.readUInt32LE(36) === pageBytes));
    if (isFirst && isGood) segment.isContinuation = (info & flags.isContinuation) !== 0;
    if (isGood) return;
    this.#isBroken = true;
    segment.hasEmptyTail = false;
  }

  /**
   * Throws `dump-incomplete` unless every segment is there from `start` on, whole up to `end` where that is known, and up to the last one that
   * is there otherwise.
   */
  requireFrom({ lsn, timeline }: { readonly lsn: Lsn; readonly timeline: number }, end: Lsn | undefined): void {
    const [first] = this.#segments.values();
    const sizeBytes = first?.sizeBytes ?? 16 * 1024 * 1024;
    const missing = (name: string): HoldfastError =>
      new HoldfastError(
        'dump-incomplete',
        `the archive lacks WAL segment ${name}, from which a recovery has to begin`,
        {
          hint: 'did the server throw WAL away during the backup? See max_slot_wal_keep_size',
        },
      );
    const segments = [...this.#segments.values()];
    const last = end ?? segments.reduce((latest, { start }) => (start > latest ? start : latest), lsn);
    for (let at = segmentStart(lsn, sizeBytes); at <= last && at !== end; at += BigInt(sizeBytes)) {
      const segment = this.#segmentAt(segments, at, timeline);
      if (segment === undefined) throw missing(segmentName(timeline, at, sizeBytes));
      const next = at + BigInt(sizeBytes);
      const needed = end === undefined ? 1n : earlier(end, next) - at;
      // What was written ended within the segment, and went on at the beginning of the next.
      const isSwitched = needed === BigInt(sizeBytes) && segment.hasEmptyTail && segment.validBytes > 0;
      const isContinued = this.#segmentAt(segments, next, timeline)?.isContinuation ?? false;
      if (BigInt(segment.validBytes) < needed && (!isSwitched || isContinued))
        throw new HoldfastError(
          'dump-incomplete',
          `WAL segment ${segmentName(segment.timeline, at, sizeBytes)} is good up to ${formatLsn(at + BigInt(segment.validBytes))} only`,
        );
    }
  }

  /** The one of the newest timeline: a standby may have followed a switch of its primary in between. */
  #segmentAt(segments: readonly Segment[], at: Lsn, timeline: number): Segment | undefined {
    return segments
      .filter(({ start, timeline: own }) => start === at && own >= timeline)
      .reduce<Segment | undefined>((best, one) => (best && best.timeline > one.timeline ? best : one), undefined);
  }
}

/** WAL segments are a power of two long, from 1 MiB to 1 GiB. */
const isSegmentSize = (bytes: number): boolean =>
  bytes >= 1024 * 1024 && bytes <= 1024 * 1024 * 1024 && (bytes & (bytes - 1)) === 0;
