import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { Connection } from '../connection.ts';
import { type Lsn, parseLsn } from '../replication/lsn.ts';
import { connectForReplication, identifySystem, readSegmentBytes } from '../replication/replication-session.ts';
import { sampleWal } from '../replication/wal-sample.ts';
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
  if (primary.server.inRecovery) return;
  for (const { host, port } of primary.connection.standbys) {
    const found = await openStandby(primary, { ...primary.connection, host, port }, limits);
    yield typeof found === 'string' ? `standby '${host}:${port}' ${found}` : found;
  }
}

/** A session with the standby, or why it cannot be used. */
async function openStandby(
  primary: BackupSource,
  connection: Connection,
  limits: Limits,
): Promise<ChosenSource | string> {
  let client: Client | undefined;
  try {
    client = await connectToServer(connection);
    const server = await readServer(client);
    if (!server.inRecovery) return 'is no standby: was it promoted?';
    const standby = { connection, client, server };
    const lag = await lagOf(standby, primary);
    const refusal = await refusalOf(standby, primary, { ...limits, lag });
    if (refusal !== undefined) return refusal;
    const opened = client;
    client = undefined;
    return {
      ...standby,
      reason: `read from standby '${connection.host}:${connection.port}', which was ${lag.bytes} bytes behind the primary`,
      end: () => opened.end().catch(() => {}),
    };
  } catch (error) {
    if (!(error instanceof HoldfastError) || limits.signal.aborted) throw error;
    return `cannot be used: ${error.message}`;
  } finally {
    await client?.end().catch(() => {});
  }
}

/** `seconds` is not known where nothing was replayed yet. */
type Lag = { readonly bytes: Lsn; readonly seconds: number | undefined };

/** A commit that the standby has not replayed is younger than the last one that it has. */
async function lagOf(standby: BackupSource, primary: BackupSource): Promise<Lag> {
  const { rows } = await primary.client.query<{ now: Date; lsn: string }>(
    'select now(), pg_current_wal_flush_lsn()::text as lsn',
  );
  const { lsn, at } = await sampleWal(standby.client);
  const written = parseLsn(rows[0]?.lsn ?? '0/0');
  if (lsn >= written) return { bytes: 0n, seconds: 0 };
  const seconds = at && Math.max(0, Math.round(((rows[0]?.now.getTime() ?? 0) - at.getTime()) / 1000));
  return { bytes: written - lsn, seconds };
}

async function refusalOf(
  standby: BackupSource,
  primary: BackupSource,
  { lag, maxStandbyLagSeconds, signal }: Limits & { readonly lag: Lag },
): Promise<string | undefined> {
  const [ours, theirs] = [await identityOf(standby, signal), await identityOf(primary, signal)];
  if (ours.systemIdentifier !== theirs.systemIdentifier)
    return `is of cluster ${ours.systemIdentifier}, and the primary of ${theirs.systemIdentifier}`;
  if (ours.timeline !== theirs.timeline)
    return `follows timeline ${ours.timeline}, and the primary is on ${theirs.timeline}`;
  // Little that is old is an idle primary's, which commits nothing.
  if (lag.bytes > BigInt(ours.segmentBytes) && (lag.seconds ?? Number.POSITIVE_INFINITY) > maxStandbyLagSeconds)
    return `is ${lag.seconds === undefined ? '' : `${lag.seconds} seconds and `}${lag.bytes} bytes behind the primary`;
  const { rows } = await primary.client.query<{ on: boolean }>(
    `select current_setting('full_page_writes') = 'on' as "on"`,
  );
  if (rows[0]?.on !== true) return 'cannot be used: full_page_writes is off on the primary';
  const { major } = standby.server;
  requireNoErrors(await baseFindings(standby.client, { methods: ['base'], major }));
  return undefined;
}

/** By a session of the replication protocol, which the backup needs as well. */
async function identityOf({ connection }: BackupSource, signal: AbortSignal) {
  const session = await connectForReplication(connection, { applicationName: 'holdfast-choice', signal });
  try {
    return { ...(await identifySystem(session)), segmentBytes: await readSegmentBytes(session) };
  } finally {
    await session.end();
  }
}
