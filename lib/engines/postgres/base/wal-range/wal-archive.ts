import { archiveEnd, paxHeaders } from '../../../application/tar/pax-header.ts';
import type { Lsn } from '../../replication/lsn.ts';
import { segmentName } from '../../replication/wal-segments.ts';

/** A range of WAL: whole segments of one timeline. */
export type WalRange = {
  readonly timeline: number;
  readonly segmentBytes: number;
  readonly start: Lsn;
  readonly end: Lsn;
};

/** The WAL of a range, which begins with its first byte, as an archive of the files of `pg_wal`. */
export async function* walArchive(
  wal: AsyncIterable<Buffer>,
  { timeline, segmentBytes, start }: WalRange,
): AsyncGenerator<Buffer, void> {
  let at = start;
  for await (const bytes of wal) {
    // Whoever takes a piece may free its memory, and then it has no length any more.
    const { length } = bytes;
    for (let offset = 0; offset < length; ) {
      const inSegment = Number(at % BigInt(segmentBytes));
      if (inSegment === 0) yield headerOf(segmentName(timeline, at, segmentBytes), segmentBytes);
      const taken = Math.min(length - offset, segmentBytes - inSegment);
      yield bytes.subarray(offset, offset + taken);
      offset += taken;
      at += BigInt(taken);
    }
  }
  yield archiveEnd();
}

/** Segments are multiples of a mebibyte, and so of an archive's blocks. */
const headerOf = (name: string, size: number): Buffer =>
  paxHeaders({
    path: Buffer.from(`pg_wal/${name}`),
    kind: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: 0n,
    size,
    xattrs: [],
  });
