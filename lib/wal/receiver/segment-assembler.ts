import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import { formatLsn, type Lsn } from '../../engines/postgres/replication/lsn.ts';
import { segmentName } from '../../engines/postgres/replication/wal-segments.ts';
import { BufferPool } from '../../pipeline/buffer-pool.ts';
import { pieceName } from '../wal-names.ts';
import type { WalUpload } from './uploads.ts';

/** So many pieces of one length are put together by the next, and so many of those again: a segment is never more than a few dozen. */
const piecesPerRound = 16;

/** What the store has of a segment that is received once more: it has to be the same. */
export type KnownPiece = { readonly from: number; readonly to: number; readonly plainSha256: string };

type Piece = { readonly from: number; readonly round: number };

/**
 * Makes segments of the bytes of one timeline, and pieces of the one that is not full yet. Begins at a segment's beginning, whatever of it is
 * durable already: so every segment is made whole in one go.
 */
export class SegmentAssembler {
  readonly #timeline: number;
  readonly #segmentBytes: number;
  readonly #emit: (upload: WalUpload) => void;
  readonly #pointAt: (lsn: Lsn) => Date | undefined;
  readonly #pool: BufferPool;
  #known: readonly KnownPiece[];
  #start: Lsn;
  #buffer: { readonly bytes: Buffer; users: number } | undefined;
  #filled = 0;
  /** The bytes of the current segment that are flushed, and the pieces that they are in. */
  #flushed: number;
  #pieces: Piece[] = [];
  #isRefused = false;

  /** `begin` is where the first segment does. `durable`, within it, at its beginning or its end, is as far as the store has it. */
  constructor(options: {
    readonly timeline: number;
    readonly begin: Lsn;
    readonly durable: Lsn;
    /** The pieces that make up what the store has of the first segment. */
    readonly known: readonly KnownPiece[];
    readonly segmentBytes: number;
    readonly emit: (upload: WalUpload) => void;
    readonly pointAt: (lsn: Lsn) => Date | undefined;
  }) {
    this.#timeline = options.timeline;
    this.#segmentBytes = options.segmentBytes;
    this.#emit = options.emit;
    this.#pointAt = options.pointAt;
    this.#known = options.known;
    this.#pool = new BufferPool(options.segmentBytes);
    this.#start = options.begin;
    this.#flushed = Number(options.durable - this.#start);
  }

  /** The position whose byte is wanted next. */
  get received(): Lsn {
    return this.#start + BigInt(this.#filled);
  }

  /** Were there bytes that contradict the store? Nothing of them may go there. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Copies the next bytes. Throws `wal-conflict` when they are not those that the store has. */
  take(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; ) {
      this.#buffer ??= { bytes: this.#pool.take(), users: 1 };
      const length = Math.min(bytes.length - offset, this.#segmentBytes - this.#filled);
      bytes.copy(this.#buffer.bytes, this.#filled, offset, offset + length);
      this.#filled += length;
      offset += length;
      this.#compare(this.#buffer.bytes);
      if (this.#filled === this.#segmentBytes) this.#seal();
    }
  }

  /**
   * Emits what of the current segment was not, as a piece. After a start in the middle of a segment the first piece goes back to its
   * beginning, since which pieces there were before is not known here.
   */
  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#filled <= this.#flushed) return;
    const from = this.#nextFrom();
    buffer.users += 1;
    this.#upload({
      name: pieceName(this.#name, from, this.#filled),
      from,
      plain: buffer.bytes.subarray(from, this.#filled),
      buffer,
    });
    this.#flushed = this.#filled;
  }

  /** A server that lost the end of its WAL, or was set back, writes it anew: the same positions, other bytes. */
  #compare(bytes: Buffer): void {
    for (let piece = this.#known[0]; piece !== undefined && piece.to <= this.#filled; piece = this.#known[0]) {
      this.#known = this.#known.slice(1);
      if (createHash('sha256').update(bytes.subarray(piece.from, piece.to)).digest('hex') === piece.plainSha256)
        continue;
      this.#isRefused = true;
      throw new HoldfastError(
        'wal-conflict',
        `the server's WAL '${this.#name}' differs from what the store has of it, up to byte ${piece.to}`,
      );
    }
  }

  /** Where the next piece begins: with the last one's end, or further back when a round is complete. */
  #nextFrom(): number {
    let next: Piece = { from: this.#pieces.length === 0 ? 0 : this.#flushed, round: 0 };
    while (this.#pieces.filter(({ round }) => round === next.round).length === piecesPerRound - 1) {
      const first: Piece = this.#pieces[this.#pieces.length - piecesPerRound + 1] ?? next;
      this.#pieces.splice(-(piecesPerRound - 1));
      next = { from: first.from, round: next.round + 1 };
    }
    this.#pieces.push(next);
    return next.from;
  }

  #seal(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    // One that was there whole has only been compared.
    if (this.#flushed === this.#segmentBytes) this.#pool.give(buffer.bytes);
    else this.#upload({ name: this.#name, from: 0, plain: buffer.bytes, buffer });
    this.#start += BigInt(this.#segmentBytes);
    this.#buffer = undefined;
    this.#filled = 0;
    this.#flushed = 0;
    this.#pieces = [];
  }

  get #name(): string {
    return segmentName(this.#timeline, this.#start, this.#segmentBytes);
  }

  #upload(made: {
    readonly name: string;
    readonly from: number;
    readonly plain: Buffer;
    readonly buffer: { readonly bytes: Buffer; users: number };
  }): void {
    const { name, from, plain, buffer } = made;
    const begin = this.#start + BigInt(from);
    const end = begin + BigInt(plain.length);
    const point = this.#pointAt(end)?.toISOString();
    this.#emit({
      file: {
        name,
        segmentBytes: this.#segmentBytes,
        from: formatLsn(begin),
        to: formatLsn(end),
        ...(point === undefined ? {} : { point }),
        plain,
      },
      end,
      // The segment's own use ends when it is sealed and stored; until then nobody else may write there.
      release: () => {
        buffer.users -= 1;
        if (buffer.users === 0) this.#pool.give(buffer.bytes);
      },
    });
  }
}
