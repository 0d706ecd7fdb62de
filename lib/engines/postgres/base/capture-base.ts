import type { Client } from 'pg';
import type { Capture, CaptureStream, EngineContext } from '../../engine.ts';
import { parseConnection } from '../connection.ts';
import { connectToServer, readServer } from '../server.ts';
import { type BaseBackup, beginBaseBackup } from './base-backup.ts';
import { baseSettings } from './base-settings.ts';
import { BaseStreams } from './base-streams.ts';
import { RestorableSamples } from './restorable-samples.ts';

/**
 * A whole cluster as the server sends it, file by file: an archive for each tablespace, one for the data folder with the WAL that makes it
 * consistent, and the server's own manifest of all files. Whole or nothing: what one of them holds is worth nothing without the others.
 */
export async function captureBase(context: EngineContext): Promise<Capture> {
  const connection = parseConnection(context.connection);
  const client = await connectToServer(connection);
  const samples = new RestorableSamples(client);
  let backup: BaseBackup | undefined;
  const end = async (): Promise<void> => {
    samples.end();
    await Promise.all([client.end().catch(() => {}), backup?.end().catch(() => {})]);
  };
  try {
    const server = await readServer(client);
    const checksums = await hasChecksums(client);
    // Before the backup, so that there is a sample however short it is.
    await samples.begin();
    const { signal } = context;
    backup = await beginBaseBackup(connection, { major: server.major, settings: baseSettings(context), signal });
    const streams = new BaseStreams(context, { server, checksums, backup, samples, end });
    return {
      source: {
        serverVersion: server.version,
        major: server.major,
        systemIdentifier: backup.identity.systemIdentifier,
        inRecovery: server.inRecovery,
      },
      isIndivisible: true,
      streams: streamsOf(backup, streams),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function streamsOf(backup: BaseBackup, streams: BaseStreams): CaptureStream[] {
  const { tablespaces, clusterBytes } = backup;
  return [
    ...tablespaces.map(
      ({ oid, location, sizeBytes }, part): CaptureStream => ({
        stream: `tablespace-${oid}`,
        kind: 'tablespace',
        name: location,
        format: 'pg-tar',
        expectedBytes: sizeBytes,
        open: async () => streams.tablespace(part),
      }),
    ),
    {
      stream: 'cluster',
      kind: 'cluster',
      name: 'cluster',
      format: 'pg-tar',
      expectedBytes: clusterBytes,
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

async function hasChecksums(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ checksums: string }>(`select current_setting('data_checksums') as checksums`);
  return rows[0]?.checksums === 'on';
}
