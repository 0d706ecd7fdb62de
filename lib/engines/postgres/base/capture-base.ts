import type { Client } from 'pg';
import type { Capture, CaptureRequest, CaptureStream, EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { parseConnection } from '../connection.ts';
import { dumpLimits } from '../dump-limits.ts';
import { newPacer } from '../pace/pacer.ts';
import { readWalLimits } from '../replication/slots.ts';
import { connectToServer, readServer } from '../server.ts';
import { type BaseBackup, beginBaseBackup } from './base-backup.ts';
import { baseSettings, scheduledMethods } from './base-settings.ts';
import { BaseStreams } from './base-streams.ts';
import { type ChosenSource, chooseSource } from './choose-source.ts';
import { chooseParent, requireSameCluster } from './parent-backup.ts';
import { baseFindings, requireNoErrors } from './requirements.ts';
import { RestorableSamples } from './restorable-samples.ts';
import { captureWalRange } from './wal-range/capture-wal-range.ts';
import { blocksSince, keepRange } from './wal-range/range-slot.ts';

/**
 * A whole cluster as the server sends it, file by file: an archive for each tablespace, one for the data folder with the WAL that makes it
 * consistent, and the server's own manifest of all files. Whole or nothing: what one of them holds is worth nothing without the others. By
 * the methods that build on earlier backups, of each file the server sends what changed since the parent; before version 17, its WAL since then.
 */
export async function captureBase(context: EngineContext, request: CaptureRequest): Promise<Capture> {
  const named = parseConnection(context.connection);
  const settings = baseSettings(context);
  const { target, signal } = context;
  const ownClient = await connectToServer(named);
  const pacer = newPacer(dumpLimits(context).maxImpactPercent);
  let source: ChosenSource | undefined;
  let samples: RestorableSamples | undefined;
  let backup: BaseBackup | undefined;
  const end = async (): Promise<void> => {
    samples?.end();
    await Promise.all([ownClient.end().catch(() => {}), source?.end(), backup?.end().catch(() => {})]);
  };
  try {
    const own: ChosenSource = {
      ...{ connection: named, client: ownClient, server: await readServer(ownClient) },
      end: async () => {},
    };
    const { maxStandbyLagSeconds } = settings;
    // What builds on others is little to read, and a standby may not have come to where its parent began.
    source = request.method === 'base' ? await chooseSource(own, { maxStandbyLagSeconds, signal }) : own;
    const { connection, client, server, reason } = source;
    const { major, systemIdentifier } = server;
    requireNoErrors(await baseFindings(client, { methods: [request.method], major }));
    const isByRange = major < blocksSince;
    const chainLinks = isByRange ? Number.POSITIVE_INFINITY : settings.chainLinks;
    const parent = request.method === 'base' ? undefined : await chooseParent(request, { target, chainLinks });
    if (parent) requireSameCluster(parent, { target, systemIdentifier });
    else if (isByRange && !own.server.inRecovery)
      await keepRange(ownClient, target, scheduledMethods(context).includes('incremental'));
    const checksums = await hasChecksums(client);
    const { slotLimitBytes } = await readWalLimits(client);
    samples = new RestorableSamples(client, pacer.observe);
    // Before the backup, so that there is a sample however short it is.
    await samples.begin();
    if (parent && isByRange)
      return await captureWalRange(context, { connection, client, server, samples, parent, end });
    backup = await beginBaseBackup(connection, {
      ...{ major, settings, signal },
      ...(parent && { parentManifest: parent.serverManifest() }),
    });
    const streams = new BaseStreams(context, {
      connection,
      server,
      checksums,
      walKeepBytes: slotLimitBytes,
      parent,
      backup,
      samples,
      reason,
      turns: pacer.newTurns(signal),
      end,
    });
    return {
      ...(parent && { parent: parent.id }),
      source: {
        serverVersion: server.version,
        major,
        systemIdentifier: backup.identity.systemIdentifier,
        inRecovery: server.inRecovery,
        ...(reason !== undefined && { readFrom: `${connection.host}:${connection.port}` }),
      },
      isIndivisible: true,
      streams: streamsOf(backup, streams, parent === undefined),
      end,
    };
  } catch (error) {
    await end();
    throw signal.aborted ? stopReason(signal, 'the base backup') : error;
  }
}

/** The server says how large its folders are, which says nothing of how much of them has changed. */
function streamsOf(backup: BaseBackup, streams: BaseStreams, isWhole: boolean): CaptureStream[] {
  const { tablespaces, clusterBytes } = backup;
  return [
    ...tablespaces.map(
      ({ oid, location, sizeBytes }, part): CaptureStream => ({
        stream: `tablespace-${oid}`,
        kind: 'tablespace',
        name: location,
        format: 'pg-tar',
        expectedBytes: isWhole ? sizeBytes : 0,
        isSummed: true,
        open: async () => streams.tablespace(part),
      }),
    ),
    {
      stream: 'cluster',
      kind: 'cluster',
      name: 'cluster',
      format: 'pg-tar',
      expectedBytes: isWhole ? clusterBytes : 0,
      isSummed: true,
      open: async () => streams.cluster(),
    },
    {
      stream: 'backup-manifest',
      kind: 'backup-manifest',
      name: 'backup_manifest',
      format: 'pg-backup-manifest',
      expectedBytes: 0,
      open: async () => streams.manifest(),
    },
  ];
}

/** Does the cluster have page checksums? */
async function hasChecksums(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ checksums: string }>(`select current_setting('data_checksums') as "checksums"`);
  return rows[0]?.checksums === 'on';
}
