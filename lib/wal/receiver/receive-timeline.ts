import type { Client } from 'pg';
import type { Lsn } from '../../engines/postgres/replication/lsn.ts';
import { type NextTimeline, WalStream } from '../../engines/postgres/replication/wal-stream.ts';
import type { WalWriter } from '../write-wal.ts';
import { flushInTime } from './flush-in-time.ts';
import { segmentsOnTheWay } from './receiver-settings.ts';
import { type KnownPiece, SegmentAssembler } from './segment-assembler.ts';
import { WalUploads } from './uploads.ts';

export type TimelineOptions = {
  readonly client: Client;
  readonly writer: WalWriter;
  readonly slot: string;
  readonly timeline: number;
  /** The segment's beginning with which it is received: the one in which `durable` is, or the one that ends there. */
  readonly begin: Lsn;
  /** As far as the store has it. */
  readonly durable: Lsn;
  readonly known: readonly KnownPiece[];
  readonly segmentBytes: number;
  readonly flushMs: number;
  /** The server's `wal_sender_timeout`. */
  readonly senderTimeoutMs: number;
  readonly clock: () => Date;
  readonly pointAt: (lsn: Lsn) => Date | undefined;
  readonly onReceived: (lsn: Lsn) => void;
  readonly onDurable: (lsn: Lsn) => void;
  /** A file of so many bytes went into the store. */
  readonly onStored: (bytes: number) => void;
  /** When it fires, what was received is flushed and the stream ended. */
  readonly stop: AbortSignal;
  /** When it fires, uploads are given up. */
  readonly hardStop: AbortSignal;
};

/**
 * Receives one timeline into the store until the server leaves it, `stop` fires, or something fails. Resolves with the next timeline, or
 * undefined when it was stopped; everything that was received is durable then.
 *
 * Invariant: the server is told of no byte that is not durable in the store, so whatever happens to this process, the server still has
 * what the store lacks.
 */
export async function receiveTimeline(options: TimelineOptions): Promise<NextTimeline | undefined> {
  const { segmentBytes, timeline, begin, durable, stop } = options;
  const limit = segmentsOnTheWay(segmentBytes);
  const giveUp = new AbortController();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch((error: unknown) => giveUp.abort(error));
  let isPaused = false;
  const uploads = new WalUploads({
    writer: options.writer,
    signal: AbortSignal.any([options.hardStop, giveUp.signal]),
    onDurable: (lsn) => {
      stream.reportDurable(lsn);
      options.onDurable(lsn);
    },
    onFailure: failed.reject,
    onStored: options.onStored,
    onSettled: () => {
      if (!isPaused || uploads.count >= limit) return;
      isPaused = false;
      stream.resume();
    },
  });
  const assembler = new SegmentAssembler({
    timeline,
    begin,
    durable,
    known: options.known,
    segmentBytes,
    emit: (upload) => uploads.add(upload),
    pointAt: options.pointAt,
  });
  const stream = new WalStream(options.client, {
    slot: options.slot,
    from: begin,
    timeline,
    onWal: (bytes) => {
      assembler.take(bytes);
      options.onReceived(assembler.received);
      if (isPaused || uploads.count < limit) return;
      isPaused = true;
      stream.pause();
    },
    onWanted: () => assembler.flush(),
    senderTimeoutMs: options.senderTimeoutMs,
    clock: options.clock,
  });
  const endFlushing = flushInTime({
    everyMs: options.flushMs,
    leadMs: () => uploads.slowestMs,
    // A slow store gets no more pieces than it takes.
    flush: () => uploads.count < limit && assembler.flush(),
  });
  const onStop = (): void => {
    assembler.flush();
    void uploads.settled().then(() => stream.end());
  };
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([stream.ended(), failed.promise]);
  } finally {
    endFlushing();
    stop.removeEventListener('abort', onStop);
    // A server that is gone for good has left its last bytes here, and nowhere else.
    if (!giveUp.signal.aborted && !assembler.isRefused) assembler.flush();
    await uploads.settled();
    giveUp.signal.throwIfAborted();
  }
}
