import type { Client } from 'pg';
import type { Lsn } from '../replication/lsn.ts';
import { sampleWal } from '../replication/wal-sample.ts';

type Sample = { readonly at: Date; readonly lsn: Lsn };

const everyMilliseconds = 1000;

const transactionsText = 'select sum(xact_commit + xact_rollback)::float8 as "transactions" from pg_stat_database';

/**
 * Samples the server's time and WAL position once a second, so that of a position that the server names later it is known which time it is at
 * least. A sample that fails is one less.
 */
export class RestorableSamples {
  readonly #client: Client;
  readonly #onTransactions: (count: number) => void;
  readonly #samples: Sample[] = [];
  #isEnded = false;
  #timer: NodeJS.Timeout | undefined;

  /** `onTransactions` is told how many the server has ended. */
  constructor(client: Client, onTransactions: (count: number) => void) {
    this.#client = client;
    this.#onTransactions = onTransactions;
  }

  /** Resolves when the first sample is there. */
  begin(): Promise<void> {
    return this.#sample();
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  /** The newest time of which everything is in the WAL up to that position; undefined when no sample came in time. */
  timeAt(lsn: Lsn): Date | undefined {
    return this.#samples.findLast((sample) => sample.lsn <= lsn)?.at;
  }

  /** How far the server's WAL has come; undefined when it does not say. */
  async position(): Promise<Lsn | undefined> {
    await this.#take();
    return this.#samples.at(-1)?.lsn;
  }

  async #sample(): Promise<void> {
    await this.#take();
    if (!this.#isEnded) this.#timer = setTimeout(() => void this.#sample(), everyMilliseconds);
  }

  async #take(): Promise<void> {
    try {
      const { rows } = await this.#client.query<{ readonly transactions: number }>(transactionsText);
      if (rows[0]) this.#onTransactions(rows[0].transactions);
      const { lsn, at } = await sampleWal(this.#client);
      if (at !== undefined) this.#samples.push({ at, lsn });
    } catch {
      // The backup goes on without: its point in time is told by an older sample.
    }
  }
}
