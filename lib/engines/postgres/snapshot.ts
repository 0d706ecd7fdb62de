import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { EngineContext } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { type Connection, connect, lowPriority } from './connection.ts';
import { type DatabaseFacts, readDatabaseFacts } from './database-facts.ts';
import { dumpLimits } from './dump-limits.ts';
import { fromServerError } from './errors.ts';

/** A moment of one database that other sessions can see too, held open by a session of its own until `end`. */
export type Snapshot = {
  readonly id: string;
  readonly facts: DatabaseFacts;
  /** The application name under which the dump connects, so that the session can be found in pg_stat_activity. */
  readonly dumpName: string;
  readonly client: Client;
  end(): Promise<void>;
};

/** In place of whatever the role or database has: the size of a large database takes a while to know. The dump itself is another session. */
const questionTimeoutSeconds = 600;

/** Opens a read-only snapshot, on a primary or a standby. */
export async function openSnapshot(
  context: Pick<EngineContext, 'options' | 'signal'>,
  connection: Connection,
  database: string,
  server: { readonly major: number; readonly toolVersion: string },
): Promise<Snapshot> {
  const client = await connect(connection, database, {
    lockTimeoutSeconds: dumpLimits(context).lockTimeoutSeconds,
    statementTimeoutSeconds: questionTimeoutSeconds,
    settings: lowPriority,
    signal: context.signal,
  });
  const end = async () => {
    await client.end().catch(() => {});
  };
  try {
    // Since 17 a server can end long transactions by itself; this one is as long as the dump.
    if (server.major >= 17) await client.query('set transaction_timeout = 0');
    await client.query('begin isolation level repeatable read, read only');
    const { rows } = await client.query<{ id: string }>('select pg_export_snapshot() as id');
    const facts = await readDatabaseFacts(client, server);
    return {
      id: rows[0]?.id ?? '',
      facts,
      dumpName: `holdfast dump ${randomBytes(6).toString('hex')}`,
      client,
      end,
    };
  } catch (error) {
    await end();
    // The stop drops the session, and what is told must be the stop.
    if (context.signal.aborted) throw stopReason(context.signal, `the snapshot of database '${database}'`);
    throw fromServerError(error, `the snapshot of database '${database}'`);
  }
}
