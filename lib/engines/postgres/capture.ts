import { createHash } from 'node:crypto';
import type { Capture, CaptureStream, Engine, EngineContext } from '../engine.ts';
import { parseConnection } from './connection.ts';
import { dumpDatabase } from './dump-database.ts';
import { captureGlobals } from './dump-globals.ts';
import { dumpLimits } from './dump-limits.ts';
import { databaseFormat } from './formats/formats.ts';
import { newPacer } from './pace/pacer.ts';
import { chosenDatabases, connectToServer, readServer } from './server.ts';
import { openSnapshot } from './snapshot.ts';
import type { ClientTools } from './tools.ts';

/** Finds the client tools of a server's major version; rejects with `version-mismatch` or `tool-missing`. */
export type FindTools = (major: number) => Promise<ClientTools>;

/**
 * The cluster's globals and one stream per chosen database. Each database is dumped as of a snapshot of its own, taken when its
 * stream is opened, so a stream that is opened late does not hold back the source's vacuum before.
 */
export async function captureLogical(
  context: EngineContext,
  request: Parameters<Engine['capture']>[1],
  findTools: FindTools,
): Promise<Capture> {
  const format = databaseFormat(request.method, request.format);
  const connection = parseConnection(context.connection);
  const client = await connectToServer(connection);
  try {
    const server = await readServer(client);
    const tools = await findTools(server.major);
    const databases = await chosenDatabases(client, connection);
    const pacer = newPacer(dumpLimits(context).maxImpactPercent);
    const sessions = new Set<{ end(): Promise<void> }>();

    const databaseStream = ({ name, sizeBytes }: { name: string; sizeBytes: number }): CaptureStream => ({
      stream: streamName(name),
      kind: format.kind,
      name,
      format: format.name,
      expectedBytes: sizeBytes,
      async open() {
        const snapshot = await openSnapshot(context, connection, name, {
          major: server.major,
          toolVersion: tools.version,
        });
        sessions.add(snapshot);
        return dumpDatabase(context, { connection, database: name, tools, snapshot, format, pacer });
      },
    });

    return {
      source: {
        serverVersion: server.version,
        major: server.major,
        toolVersion: tools.version,
        systemIdentifier: server.systemIdentifier,
        inRecovery: server.inRecovery,
      },
      streams: [
        captureGlobals(context, { connection, database: client.database ?? '', tools, server }),
        ...databases.map(databaseStream),
      ],
      async end() {
        await Promise.all([...sessions].map((session) => session.end()));
      },
    };
  } finally {
    await client.end();
  }
}

/** A key segment that tells the database: its name where that is one, otherwise what is left of it and a hash of the whole. */
export function streamName(database: string): string {
  const plain = database.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  if (plain === database && database.length <= 50) return `db-${database}`;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  return `db-${plain.slice(0, 40)}-${hash}`;
}
