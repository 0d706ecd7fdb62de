import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { Connection } from '../connection.ts';
import { fromBaseBackup, translated } from '../errors.ts';
import { type Lsn, parseLsn } from '../replication/lsn.ts';
import {
  connectForReplication,
  identifySystem,
  readSegmentBytes,
  type SystemIdentity,
} from '../replication/replication-session.ts';
import { sampleWal, type WalSample } from '../replication/wal-sample.ts';
import { connectToServer, readServer, type Server } from '../server.ts';
import { baseFindings, requireNoErrors } from './requirements.ts';

/** A server that a base backup can be read from, with a session for questions. */
export type BackupSource = {
  readonly connection: Connection;
  readonly client: Client;
  readonly server: Server;
};

/** Where a base backup is read from, and why there. */
export type ChosenSource = BackupSource & {
  /** For people. @default - there was nothing to choose from */
  readonly reason?: string;
  /** Ends the session, where that is one of its own. */
  end(): Promise<void>;
};

type Limits = { readonly maxStandbyLagSeconds: number; readonly signal: AbortSignal };

/**
 * The first of the configured standbys that follows the primary closely, so that a backup costs the primary nothing; the primary itself when
 * there is none. What keeps a standby from being used is part of the reason and fails no backup.
 */
export async function chooseSource(primary: ChosenSource, limits: Limits): Promise<ChosenSource> {
  const refusals: string[] = [];
  for await (const found of triedStandbys(primary, limits)) {
    if (typeof found !== 'string') return found;
    refusals.push(found);
  }
  if (refusals.length === 0) return primary;
  limits.signal.throwIfAborted();
  return { ...primary, reason: `read from the primary: ${refusals.join('; ')}` };
}

/** What keeps each configured standby from being used; empty when all is well with all of them. */
export async function standbyRefusals(primary: BackupSource, limits: Limits): Promise<readonly string[]> {
  const refusals: string[] = [];
  for await (const found of triedStandbys(primary, limits)) {
    if (typeof found === 'string') refusals.push(found);
    else await found.end();
  }
  return refusals;
}

/** Each configured standby in its turn, opened, or why it cannot be used. */
async function* triedStandbys(primary: BackupSource, limits: Limits): AsyncGenerator<ChosenSource | string, void> {
  const { standbys } = primary.connection;
  if (primary.server.inRecovery || standbys.length === 0) return;
  const identity = await identityOf(primary, limits.signal);
  const writesFullPages = await hasFullPageWrites(primary.client);
  for (const { host, port } of standbys) {
    const measure = { ...limits, identity, writesFullPages, position: await positionOf(primary.client) };
    const found = await openStandby({ ...primary.connection, host, port }, measure);
    yield typeof found === 'string' ? `standby '${host}:${port}' ${found}` : found;
  }
}

type Identity = SystemIdentity & { readonly segmentBytes: number };

/** How far the primary's WAL is on its disk, and when it was there. */
type Position = { readonly at: Date; readonly lsn: Lsn };

/** What the primary says, which a standby is measured by. */
type Measure = Limits & {
  readonly identity: Identity;
  readonly position: Position;
  readonly writesFullPages: boolean;
};

/** A session with the standby, or why it cannot be used. Whatever fails here is the standby's: of the primary nothing is asked. */
async function openStandby(connection: Connection, measure: Measure): Promise<ChosenSource | string> {
  let client: Client | undefined;
  try {
    client = await connectToServer(connection);
    const server = await readServer(client);
    if (!server.inRecovery) return 'is no standby: was it promoted?';
    const standby = { connection, client, server };
    const lag = lagOf(await sampleWal(client), measure.position);
    const refusal = await refusalOf(standby, lag, measure);
    if (refusal !== undefined) return refusal;
    const opened = client;
    client = undefined;
    return {
      ...standby,
      reason: `read from standby '${connection.host}:${connection.port}', which was ${lag.bytes} bytes behind the primary`,
      end: () => opened.end().catch(() => {}),
    };
  } catch (error) {
    const failure = translated(error, 'what it was asked');
    if (!(failure instanceof HoldfastError) || measure.signal.aborted) throw failure;
    return `cannot be used: ${failure.message}`;
  } finally {
    await client?.end().catch(() => {});
  }
}

/** `seconds` is not known where nothing was replayed yet. */
type Lag = { readonly bytes: Lsn; readonly seconds: number | undefined };

/** A commit that the standby has not replayed is younger than the last one that it has. */
function lagOf({ lsn, at }: WalSample, primary: Position): Lag {
  if (lsn >= primary.lsn) return { bytes: 0n, seconds: 0 };
  const seconds = at && Math.max(0, Math.round((primary.at.getTime() - at.getTime()) / 1000));
  return { bytes: primary.lsn - lsn, seconds };
}

async function refusalOf(standby: BackupSource, lag: Lag, measure: Measure): Promise<string | undefined> {
  const { identity: primary, maxStandbyLagSeconds, signal } = measure;
  const own = await identityOf(standby, signal);
  if (own.systemIdentifier !== primary.systemIdentifier)
    return `is of cluster ${own.systemIdentifier}, and the primary of ${primary.systemIdentifier}`;
  if (own.timeline !== primary.timeline)
    return `follows timeline ${own.timeline}, and the primary is on ${primary.timeline}`;
  // Little that is old is an idle primary's, which commits nothing.
  if (lag.bytes > BigInt(own.segmentBytes) && (lag.seconds ?? Number.POSITIVE_INFINITY) > maxStandbyLagSeconds)
    return `is ${lag.seconds === undefined ? '' : `${lag.seconds} seconds and `}${lag.bytes} bytes behind the primary`;
  if (!measure.writesFullPages) return 'cannot be used: full_page_writes is off on the primary';
  const { major } = standby.server;
  requireNoErrors(await baseFindings(standby.client, { methods: ['base'], major }));
  return undefined;
}

async function positionOf(primary: Client): Promise<Position> {
  const { rows } = await primary.query<{ at: Date; lsn: string }>(
    'select now() as "at", pg_current_wal_flush_lsn()::text as "lsn"',
  );
  const row = rows[0];
  if (row === undefined) throw new HoldfastError('internal', 'the server does not say where its WAL is');
  return { at: row.at, lsn: parseLsn(row.lsn) };
}

async function hasFullPageWrites(primary: Client): Promise<boolean> {
  const { rows } = await primary.query<{ on: boolean }>(`select current_setting('full_page_writes') = 'on' as "on"`);
  return rows[0]?.on === true;
}

/** By a session of the replication protocol, which the backup needs as well. */
async function identityOf({ connection }: BackupSource, signal: AbortSignal): Promise<Identity> {
  try {
    const session = await connectForReplication(connection, { applicationName: 'holdfast-choice', signal });
    try {
      return { ...(await identifySystem(session)), segmentBytes: await readSegmentBytes(session) };
    } finally {
      await session.end();
    }
  } catch (error) {
    throw fromBaseBackup(error, `the replication session at '${connection.host}:${connection.port}'`);
  }
}
