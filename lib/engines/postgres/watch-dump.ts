import type { Client, QueryConfig } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext } from '../engine.ts';
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

/**
 * Ends a dump that waits for a lock, or works on one statement, longer than the settings allow. pg_dump has an option for the
 * locks that it takes at its start, and sets both timeouts to 0 for everything after that; so the limits are kept from outside,
 * by the session that holds the snapshot. It also ends a dump whose connection, or whose watcher's, has fallen silent: without it neither would
 * notice before the run's deadline. `onExceeded` is called at most once.
 */
export function watchDump(options: {
  readonly client: Client;
  readonly dumpName: string;
  readonly database: string;
  readonly settings: EngineContext['settings'];
  /** How long the dump's next byte has been waited for; 0 while its reader is busy with the last one. */
  readonly waitedSeconds: () => number;
  readonly onExceeded: (failure: HoldfastError) => void;
}): { end(): Promise<void> } {
  const { lockTimeoutSeconds, statementTimeoutSeconds } = options.settings;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;
  let look: Promise<void> = Promise.resolve();

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
    async end() {
      hasEnded = true;
      clearTimeout(timer);
      await look;
    },
  };
}
