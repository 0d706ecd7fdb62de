import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { fromServerError, isWalRemoved } from '../errors.ts';
import { type CopyQuery, startCopy } from './copy-query.ts';
import { formatLsn, type Lsn, parseLsn } from './lsn.ts';
import { statusMessage, WalMessages } from './wal-messages.ts';

export type WalStreamOptions = {
  readonly slot: string;
  readonly from: Lsn;
  readonly timeline: number;
  /** The next bytes, and where they begin: always where the last ones ended. They are the receiver's own. */
  readonly onWal: (bytes: Buffer, at: Lsn) => void;
  /** The server waits to hear that all it sent is durable; until it does, it may not be able to shut down. */
  readonly onWanted: () => void;
  /** The server's `wal_sender_timeout`: it gives up on a receiver that says nothing for so long, unless it is 0. */
  readonly senderTimeoutMs: number;
  readonly clock: () => Date;
};

/** Where a timeline that was streamed to its end is left for the next one. */
export type NextTimeline = { readonly timeline: number; readonly begin: Lsn };

const longestSilenceMs = 10_000;

/** How often the server hears from here. */
const statusPeriodMs = (timeoutMs: number): number =>
  timeoutMs === 0 ? longestSilenceMs : Math.max(100, Math.min(longestSilenceMs, Math.floor(timeoutMs / 3)));

/**
 * WAL as the server sends it, from a physical slot. The server keeps what was not reported durable, and removes what was; so only what is
 * in the store for good may be reported. Who cannot take more says `pause`; status goes out all the same, or the server would think its
 * receiver dead.
 */
export class WalStream {
  readonly #options: WalStreamOptions;
  readonly #copy: CopyQuery;
  #received: Lsn;
  #durable: Lsn = 0n;
  #isReplyOwed = false;
  #isEnding = false;

  constructor(client: Client, options: WalStreamOptions) {
    this.#options = options;
    this.#received = options.from;
    const messages = new WalMessages({
      onWal: (bytes, at) => this.#onWal(bytes, at),
      onReplyWanted: () => this.#onReplyWanted(),
    });
    const { slot, from, timeline } = options;
    this.#copy = startCopy(
      client,
      `START_REPLICATION SLOT "${slot}" PHYSICAL ${formatLsn(from)} TIMELINE ${timeline}`,
      {
        onData: (piece, { isFirst }) => {
          if (!this.#isEnding) messages.write(piece, isFirst);
        },
        // The timeline ends here: the server waits for the same from this side, and says then which is next.
        onCopyDone: () => {
          if (!this.#isEnding) this.#copy.endCopy();
          this.#isEnding = true;
        },
      },
    );
    const status = setInterval(() => this.#sendStatus(), statusPeriodMs(options.senderTimeoutMs));
    const endStatus = (): void => clearInterval(status);
    this.#copy.ended.then(endStatus, endStatus);
  }

  /**
   * Resolves when the stream has ended: with the next timeline when this one was left, undefined when `end` was called. Rejects with
   * `wal-gone` when the server no longer has what was asked for, and as any session does.
   */
  async ended(): Promise<NextTimeline | undefined> {
    try {
      await this.#copy.ended;
    } catch (error) {
      const about = `WAL from ${formatLsn(this.#received)} of timeline ${this.#options.timeline}`;
      if (isWalRemoved(error))
        throw new HoldfastError('wal-gone', `the server no longer has ${about}`, { cause: error });
      throw fromServerError(error, about, 'source-interrupted');
    }
    const [timeline, begin] = this.#copy.results[0]?.rows[0] ?? [];
    if (timeline == null || begin == null) return undefined;
    return { timeline: Number(timeline), begin: parseLsn(begin) };
  }

  pause(): void {
    this.#copy.pause();
  }

  resume(): void {
    this.#copy.resume();
  }

  /** All WAL before this position is durable: the server may let go of it. */
  reportDurable(lsn: Lsn): void {
    if (lsn <= this.#durable) return;
    this.#durable = lsn;
    if (!this.#isReplyOwed || this.#durable >= this.#received) this.#sendStatus();
  }

  /** Asks the server to stop sending. */
  end(): void {
    if (this.#isEnding) return;
    this.#sendStatus();
    this.#isEnding = true;
    this.#copy.resume();
    this.#copy.endCopy();
  }

  #onWal(bytes: Buffer, at: Lsn): void {
    if (at !== this.#received)
      throw new HoldfastError(
        'source-interrupted',
        `the server sent WAL from ${formatLsn(at)} where ${formatLsn(this.#received)} was to follow`,
      );
    this.#received = at + BigInt(bytes.length);
    this.#options.onWal(bytes, at);
  }

  /** Tells the server how far this is. */
  #sendStatus(): void {
    if (this.#isEnding) return;
    this.#isReplyOwed = false;
    const status = { received: this.#received, durable: this.#durable, now: this.#options.clock() };
    void this.#copy.send(statusMessage(status));
  }

  #onReplyWanted(): void {
    // Answered with less than everything, a server that shuts down asks again at once, and both would spin.
    if (this.#durable >= this.#received) this.#sendStatus();
    else {
      this.#isReplyOwed = true;
      this.#options.onWanted();
    }
  }
}
