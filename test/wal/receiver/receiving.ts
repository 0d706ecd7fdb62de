import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type WalState, walStateSchema } from '../../../lib/core/health.ts';
import type { TargetName } from '../../../lib/core/ids.ts';
import { walHealthKey } from '../../../lib/core/object-keys.ts';
import { type Lsn, parseLsn } from '../../../lib/engines/postgres/replication/lsn.ts';
import { readDocument } from '../../../lib/store/document.ts';
import type { Store } from '../../../lib/store/store.ts';
import { receiveWal } from '../../../lib/wal/receiver/receive-wal.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { until } from '../../until.ts';
import { target, type WalPlace } from '../wal-place.ts';

export const slot = 'holdfast_orders';

/** A receiver that runs in this process. */
export type Receiving = AsyncDisposable & {
  /** What it said, a line each. */
  readonly said: string[];
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<void>;
  /** As `receiveWal` ends. */
  readonly ended: Promise<void>;
};

/** Starts to receive the server's WAL into the place's store. */
export function receiving(
  place: WalPlace,
  server: Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>,
  settings: { readonly store?: Store; readonly flushSeconds?: number } = {},
): Receiving {
  const stop = new AbortController();
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const { host, port, user, password } = server;
  const ended = receiveWal(
    { ...place.context, clock: () => new Date(), store: settings.store ?? place.store, signal: stop.signal },
    {
      target,
      connection: async () => ({ host, port, user, password, sslmode: 'disable' }),
      settings: { slot, flushSeconds: settings.flushSeconds ?? 0.2 },
      log: { info: say, warn: say, error: say },
    },
  );
  ended.catch(() => {});
  return {
    said,
    ended,
    stop: async () => {
      stop.abort();
      await ended;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended.catch(() => {});
    },
  };
}

/** Resolves when the target's receiver says that everything before the moment, in milliseconds, is in the store. */
export async function untilCovered(store: Store, of: TargetName, moment: number): Promise<void> {
  const isCovered = async (): Promise<boolean> => {
    const { value } = await readDocument(store, walHealthKey(of), walStateSchema);
    return Date.parse(value?.restorablePoint ?? '') > moment;
  };
  // The document is replaced every half minute at most.
  await until(isCovered, 'the receiver to come that far', 240);
}

export async function walState(place: WalPlace): Promise<WalState | undefined> {
  return (await readDocument(place.store, walHealthKey(target), walStateSchema)).value;
}

/** Runs `work` with a session of SQL on the server. */
export async function withSql<Result>(
  server: PostgresServer,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: server.url('postgres') });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** How far the slot's receiver has said that it is. */
export function confirmed(server: PostgresServer, of = slot): Promise<Lsn> {
  return withSql(server, async (client) => {
    const { rows } = await client.query<{ lsn: string | null }>(
      'select restart_lsn::text as lsn from pg_replication_slots where slot_name = $1',
      [of],
    );
    return parseLsn(rows[0]?.lsn ?? '0/0');
  });
}

/** Where the server's WAL ends. */
export function flushedLsn(server: PostgresServer): Promise<Lsn> {
  return withSql(server, async (client) => {
    const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
    return parseLsn(rows[0]?.lsn ?? '0/0');
  });
}

/** Fills a segment's rest, and waits until everything up to there is durable; resolves with the position. */
export async function switchAndWait(server: PostgresServer): Promise<Lsn> {
  await withSql(server, async (client) => {
    await client.query('create table if not exists switched (at timestamptz)');
    await client.query('insert into switched values (now())');
    await client.query('select pg_switch_wal()');
    await client.query('checkpoint');
  });
  const lsn = await flushedLsn(server);
  await until(async () => (await confirmed(server)) >= lsn, `the slot to reach ${lsn}`);
  return lsn;
}

/** pgbench on the server: its tables, or a load of so many seconds. */
export async function pgbench(server: PostgresServer, ...args: readonly string[]): Promise<void> {
  await runPgbench(server, args);
}

/** A load on the server that lasts until it is disposed of. */
export function pgbenchLoad(server: PostgresServer): AsyncDisposable {
  const stop = new AbortController();
  const running = runPgbench(server, ['-c', '2', '-T', '600', '-n'], stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

async function runPgbench(server: PostgresServer, args: readonly string[], signal?: AbortSignal): Promise<void> {
  await promisify(execFile)(path.join(server.binDir, 'pgbench'), [...args, 'postgres'], {
    env: {
      PATH: process.env['PATH'],
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
    },
    signal,
  });
}
