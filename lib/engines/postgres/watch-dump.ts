import type { Client, QueryConfig } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { DumpLimits } from './dump-limits.ts';
import { fromServerError } from './errors.ts';

const intervalMilliseconds = 1000;

/** A question that takes a millisecond and has no answer after this long gets none: the network is silent, or the server hangs. */
const answerSeconds = 60;

/** How long the server may be sending, and we receiving nothing, before the connection between them is dead. */
const stallSeconds = 120;

const waitsQuery = `
select extract(epoch from clock_timestamp() - query_start)::float8 as "seconds",
       wait_event_type = 'Lock' as "isWaiting",
       wait_event = 'ClientWrite' as "isSending"
  from pg_stat_activity
 where application_name = $1 and state = 'active'`;

/** Sessions that wait for a lock which the dump holds, the longest first. Their statements stay out of it: they may hold data. */
const blockedQuery = `
select waiting.pid,
       waiting.application_name as application,
       extract(epoch from clock_timestamp() - waiting.query_start)::float8 as seconds,
       (select c.oid::regclass::text
          from pg_locks l join pg_class c on c.oid = l.relation
         where l.pid = waiting.pid and not l.granted
         limit 1) as relation,
       (select count(*)::int from pg_stat_activity other where waiting.pid = any (pg_blocking_pids(other.pid))) as behind
  from pg_stat_activity waiting
 where waiting.wait_event_type = 'Lock'
   and waiting.datname = current_database()
   and exists (select from pg_stat_activity dump
                where dump.application_name = $1 and dump.pid = any (pg_blocking_pids(waiting.pid)))
 order by seconds desc
 limit 1`;

const transactionsQuery = 'select coalesce(sum(xact_commit + xact_rollback), 0)::float8 as count from pg_stat_database';

type Blocked = {
  readonly pid: number;
  readonly application: string | null;
  readonly seconds: number;
  readonly relation: string | null;
  readonly behind: number;
};

export type DumpWatch = {
  /** What others had to bear, for the record. */
  remarks(): readonly string[];
  end(): Promise<void>;
};

/**
 * Ends a dump that waits for a lock, or works on one statement, longer than the settings allow: pg_dump has an option for the locks that it
 * takes at its start, and sets both timeouts to 0 for everything after that. And ends one that others wait for: a dump holds a lock on every
 * table to its end, which lets everybody read and write; but an `ALTER TABLE` waits for it, and then everybody else waits behind that. And one
 * whose connection, or whose watcher's, has fallen silent: without it neither would notice before the run's deadline. The limits are kept from
 * outside, by the session that holds the snapshot. `onExceeded` is called at most once.
 */
export function watchDump(options: {
  readonly client: Client;
  readonly dumpName: string;
  readonly database: string;
  readonly limits: DumpLimits;
  /** How long the dump's next byte has been waited for; 0 while its reader is busy with the last one. */
  readonly waitedSeconds: () => number;
  /** Told about once a second how many transactions the server has ended. */
  readonly onTransactions: (count: number) => void;
  readonly onExceeded: (failure: HoldfastError) => void;
}): DumpWatch {
  const { lockTimeoutSeconds, statementTimeoutSeconds, giveWaySeconds } = options.limits;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;
  let look: Promise<void> = Promise.resolve();
  let longest: Blocked | undefined;

  async function check(): Promise<void> {
    // A transaction sees the activity as it was at its first look, unless told to look again.
    await options.client.query({
      text: 'select pg_stat_clear_snapshot()',
      query_timeout: answerSeconds * 1000,
    } as QueryConfig);
    const { rows } = await options.client.query<{
      seconds: number;
      isWaiting: boolean | null;
      isSending: boolean | null;
    }>({ text: waitsQuery, values: [options.dumpName], query_timeout: answerSeconds * 1000 } as QueryConfig);
    for (const { seconds, isWaiting, isSending } of rows) {
      if (isSending && options.waitedSeconds() > stallSeconds)
        throw new HoldfastError(
          'source-interrupted',
          `the dump of database '${options.database}' gave no byte for ${stallSeconds} s while the server was sending`,
          { hint: 'is a firewall or proxy between here and the server dropping its packets?' },
        );
      if (isWaiting && seconds > lockTimeoutSeconds)
        throw busy(`waited ${lockTimeoutSeconds} s for a lock`, 'raise lockTimeoutSeconds');
      if (statementTimeoutSeconds > 0 && seconds > statementTimeoutSeconds)
        throw busy(`worked ${statementTimeoutSeconds} s on one statement`, 'raise statementTimeoutSeconds');
    }
    await checkOthers();
    await countTransactions();
  }

  async function countTransactions(): Promise<void> {
    const { rows } = await options.client.query<{ count: number }>({
      text: transactionsQuery,
      query_timeout: answerSeconds * 1000,
    } as QueryConfig);
    options.onTransactions(rows[0]?.count ?? 0);
  }

  async function checkOthers(): Promise<void> {
    const { rows } = await options.client.query<Blocked>({
      text: blockedQuery,
      values: [options.dumpName],
      query_timeout: answerSeconds * 1000,
    } as QueryConfig);
    const [blocked] = rows;
    if (!blocked) return;
    if (blocked.seconds >= (longest?.seconds ?? 0)) longest = blocked;
    if (giveWaySeconds > 0 && blocked.seconds > giveWaySeconds)
      throw busy(`gave way to ${described(blocked)}`, 'raise giveWaySeconds');
  }

  const busy = (what: string, cure: string) =>
    new HoldfastError('source-busy', `the dump of database '${options.database}' ${what}`, {
      hint: `run it at a quieter time, or ${cure}`,
    });

  function arm(): void {
    timer = setTimeout(() => {
      look = check().then(
        () => {
          if (!hasEnded) arm();
        },
        (error: unknown) => {
          if (!hasEnded) options.onExceeded(fromServerError(error, `watching the dump of '${options.database}'`));
        },
      );
    }, intervalMilliseconds);
    timer.unref();
  }
  arm();

  return {
    remarks: () => (longest ? [`${described(longest)}`] : []),
    async end() {
      hasEnded = true;
      clearTimeout(timer);
      await look;
    },
  };
}

function described({ pid, application, seconds, relation, behind }: Blocked): string {
  const who = application ? `session ${pid} ('${application}')` : `session ${pid}`;
  const others = behind > 0 ? `, and ${behind} more behind it` : '';
  return `${who}, which waited ${Math.round(seconds)} s for the dump's lock on ${relation ?? 'an object'}${others}`;
}
