import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { archiveEnd } from '../../application/tar/pax-header.ts';
import type { Connection } from '../connection.ts';
import { fromBaseBackup, isDamageReport } from '../errors.ts';
import { type CopyQuery, type ResultSet, startCopy } from '../replication/copy-query.ts';
import { type Lsn, parseLsn } from '../replication/lsn.ts';
import {
  connectForReplication,
  identifySystem,
  readSegmentBytes,
  type SystemIdentity,
} from '../replication/replication-session.ts';
import { BackupMessages } from './backup-messages.ts';
import { baseBackupCommand, hasTypedMessages } from './base-command.ts';
import type { BaseSettings } from './base-settings.ts';
import { DamagedPages, type DamageReport } from './damaged-pages.ts';
import { PartQueue } from './part-queue.ts';

export type Tablespace = { readonly oid: number; readonly location: string; readonly sizeBytes: number };
export type BackupPoint = { readonly lsn: Lsn; readonly timeline: number };

/** How a backup ended that came to its end. */
export type BackupEnd = BackupPoint & {
  /** What the server's own check of page checksums found; it sent those pages all the same. */
  readonly damage: DamageReport;
};

/** A base backup that the server has begun to send. */
export type BaseBackup = {
  readonly identity: Pick<SystemIdentity, 'systemIdentifier'>;
  readonly segmentBytes: number;
  readonly start: BackupPoint;
  readonly tablespaces: readonly Tablespace[];
  /** What the server takes the cluster's own folder to be, without its tablespaces. */
  readonly clusterBytes: number;
  /** The bytes of an archive, or of the manifest as the last part: tablespaces in their order, the cluster, the manifest. */
  read(part: number): AsyncIterable<Buffer>;
  /** Resolves when the server has sent everything and says that it is whole. */
  readonly ended: Promise<BackupEnd>;
  /** Ends the session, and with it the slot and whatever is still to come. */
  end(): Promise<void>;
};

type Options = {
  readonly major: number;
  readonly settings: BaseSettings;
  readonly signal: AbortSignal;
  /** Manifest of the backup to build on. @default - none: everything is sent */
  readonly parentManifest?: AsyncIterable<Uint8Array>;
};

/**
 * Begins a base backup: a session of its own, a slot that keeps the WAL which the backup has to bring along and is gone with the session, and
 * the command, up to its first byte. Nothing is read ahead of whoever reads the parts.
 */
export async function beginBaseBackup(connection: Connection, options: Options): Promise<BaseBackup> {
  const client = await connectForReplication(connection, {
    applicationName: 'holdfast-base',
    signal: options.signal,
  }).catch((error: unknown) => {
    throw fromBaseBackup(error, `the replication session at '${connection.host}:${connection.port}'`);
  });
  try {
    const identity = await identifySystem(client);
    const segmentBytes = await readSegmentBytes(client);
    await keepWal(client);
    if (options.parentManifest) await uploadManifest(client, options.parentManifest);
    return { identity, segmentBytes, ...(await sendCommand(client, options)), end: () => client.end() };
  } catch (error) {
    await client.end();
    throw fromBaseBackup(error, 'the base backup');
  }
}

async function keepWal(client: Client): Promise<void> {
  const slot = `holdfast_base_${randomBytes(6).toString('hex')}`;
  await client.query(`CREATE_REPLICATION_SLOT "${slot}" TEMPORARY PHYSICAL RESERVE_WAL`);
}

/** Gives the server the manifest of the backup that the next one on this session is to build on. */
async function uploadManifest(client: Client, manifest: AsyncIterable<Uint8Array>): Promise<void> {
  const ready = Promise.withResolvers<void>();
  const query = startCopy(client, 'UPLOAD_MANIFEST', { onData() {}, onCopyBegin: () => ready.resolve() });
  await Promise.race([ready.promise, query.ended]);
  try {
    for await (const bytes of manifest) await query.send(bytes);
  } catch (error) {
    query.failCopy('the manifest could not be read');
    await query.ended.catch(() => {});
    throw error;
  }
  query.endCopy();
  await query.ended;
}

async function sendCommand(
  client: Client,
  { major, settings, parentManifest }: Options,
): Promise<Omit<BaseBackup, 'identity' | 'segmentBytes' | 'end'>> {
  const begun = Promise.withResolvers<void>();
  const damage = new DamagedPages();
  client.on('notice', ({ message }) => damage.hear(message ?? ''));

  const queue = new PartQueue({ pause: () => query.pause(), resume: () => query.resume() });
  let messages: BackupMessages | undefined;
  const query: CopyQuery = startCopy(
    client,
    baseBackupCommand(major, { label: 'holdfast', settings, isIncremental: parentManifest !== undefined }),
    {
      onCopyBegin() {
        messages ??= newMessages(major, tablespacesIn(query.results), queue);
        messages.onCopyBegin();
        begun.resolve();
      },
      onData: (piece, place) => messages?.onData(piece, place),
      keepsNothing: true,
    },
  );
  const ended = query.ended.then(
    () => queue.end(),
    (error: unknown) => {
      // Damaged pages are the last thing that the server complains of: it has sent everything before, its end too.
      if (isDamageReport(error) && query.results.length === 3) {
        damage.conclude();
        queue.end();
        return;
      }
      const failure = fromBaseBackup(error, 'the base backup');
      queue.fail(failure);
      throw failure;
    },
  );
  const concluded = ended.then(() => ({ ...pointIn(query.results[2]), damage: damage.report() }));
  // Readers are told by the queue; nobody may be waiting for the end yet.
  concluded.catch(() => {});
  await Promise.race([begun.promise, ended]);

  const all = tablespacesIn(query.results);
  const cluster = all.find(({ oid }) => oid === undefined);
  return {
    start: pointIn(query.results[0]),
    tablespaces: all.flatMap((one) => (one.oid === undefined ? [] : [{ ...one, oid: one.oid }])),
    clusterBytes: cluster?.sizeBytes ?? 0,
    read: (part) => queue.read(part),
    ended: concluded,
  };
}

type Archive = Omit<Tablespace, 'oid'> & { readonly oid: number | undefined };

function newMessages(major: number, archives: readonly Archive[], queue: PartQueue): BackupMessages {
  let isArchive = false;
  return new BackupMessages(
    { major, archives: archives.length },
    {
      onPart({ kind, name }) {
        // Servers before 15 leave the end of an archive to the client.
        if (isArchive && !hasTypedMessages(major)) queue.push(archiveEnd());
        isArchive = kind === 'archive';
        const expected = archives[queue.begun];
        const expectedName = expected && `${expected.oid ?? 'base'}.tar`;
        if (isArchive ? expected === undefined || (name ?? expectedName) !== expectedName : expected !== undefined)
          throw new HoldfastError(
            'dump-failed',
            `the server sends '${name ?? kind}' where '${expectedName}' was to come`,
          );
        queue.begin();
      },
      onBytes: (bytes) => queue.push(bytes),
    },
  );
}

/** The archives that the server is about to send, in their order; the cluster's own has no oid. */
function tablespacesIn(results: readonly ResultSet[]): readonly Archive[] {
  return (results[1]?.rows ?? []).map(([oid, location, kibibytes]) => ({
    oid: oid == null ? undefined : Number(oid),
    location: location ?? '',
    sizeBytes: Number(kibibytes ?? 0) * 1024,
  }));
}

function pointIn(result: ResultSet | undefined): BackupPoint {
  const [lsn, timeline] = result?.rows[0] ?? [];
  if (lsn == null || timeline == null)
    throw new HoldfastError('dump-failed', 'the server does not say where the backup begins or ends in its WAL');
  return { lsn: parseLsn(lsn), timeline: Number(timeline) };
}
