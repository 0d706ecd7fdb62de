import type { Client } from 'pg';
import { type Lsn, parseLsn } from '../replication/lsn.ts';

type Sample = { readonly at: Date; readonly lsn: Lsn };

type Row = { readonly time: number | null; readonly lsn: string | null; readonly transactions: number };

const everyMilliseconds = 1000;

/**
 * A time of the server, and a position in its WAL before which everything stands that was committed until then. The time is taken first: on a
 * primary it is the statement's beginning; on a standby the commit that it has replayed last, of which there may be none yet.
 */
const query = `
select floor(extract(epoch from case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() else now() end)
             * 1000)::float8 as "time",
       (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end)::text as "lsn",
       (select sum(xact_commit + xact_rollback)::float8 from pg_stat_database) as "transactions"`;

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
      const { rows } = await this.#client.query<Row>(query);
      const row = rows[0];
      if (row) this.#onTransactions(row.transactions);
      if (row?.time != null && row.lsn !== null) this.#samples.push({ at: new Date(row.time), lsn: parseLsn(row.lsn) });
    } catch {
      // The backup goes on without: its point in time is told by an older sample.
    }
  }
}
