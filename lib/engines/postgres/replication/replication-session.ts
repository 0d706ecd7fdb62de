import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { type Connection, connect } from '../connection.ts';
import { fromServerError } from '../errors.ts';
import { type Lsn, parseLsn } from './lsn.ts';

/**
 * A session of the replication protocol with the whole server, no database of it
 * (https://www.postgresql.org/docs/current/protocol-replication.html). It needs the REPLICATION attribute and a line in pg_hba.conf. The
 * caller ends it.
 */
export async function connectForReplication(
  connection: Connection,
  options: { readonly applicationName: string; readonly signal: AbortSignal },
): Promise<Client> {
  return connect(connection, connection.maintenanceDatabase, {
    ...options,
    isReplication: true,
    // One whose client is held up by its store acknowledges nothing for a while.
    settings: { tcp_user_timeout: '0' },
  });
}

export type SystemIdentity = { readonly systemIdentifier: string; readonly timeline: number; readonly flushedLsn: Lsn };

/** Which cluster this is, its timeline, and how far its WAL is on its disk. */
export async function identifySystem(client: Client): Promise<SystemIdentity> {
  const { rows } = await ask<{ systemid: string; timeline: number; xlogpos: string }>(client, 'IDENTIFY_SYSTEM');
  const row = rows[0];
  if (!row) throw new HoldfastError('internal', 'the server does not say which one it is');
  return { systemIdentifier: row.systemid, timeline: Number(row.timeline), flushedLsn: parseLsn(row.xlogpos) };
}

/** The size of a WAL segment of this cluster in bytes. */
export async function readSegmentBytes(client: Client): Promise<number> {
  const { rows } = await ask<{ wal_segment_size: string }>(client, 'SHOW wal_segment_size');
  const [, count, unit] = /^(\d+)(MB|GB)$/.exec(rows[0]?.wal_segment_size ?? '') ?? [];
  if (count === undefined) throw new HoldfastError('internal', 'the server does not say how long its WAL segments are');
  return Number(count) * 1024 * 1024 * (unit === 'GB' ? 1024 : 1);
}

/** The history file of a timeline, byte for byte; the first timeline has none. */
export async function readTimelineHistory(client: Client, timeline: number): Promise<string> {
  const { rows } = await ask<{ content: string | Buffer }>(client, `TIMELINE_HISTORY ${timeline}`);
  return String(rows[0]?.content ?? '');
}

async function ask<Row extends object>(client: Client, command: string): Promise<{ rows: Row[] }> {
  try {
    return await client.query<Row>(command);
  } catch (error) {
    throw fromServerError(error, `the server's answer to ${command}`);
  }
}
