import { createHash } from 'node:crypto';
import type { Capture, CaptureStream, EngineContext } from '../engine.ts';
import { chosenDatabases, connect, parseConnection, type Server, withSession } from './connection.ts';
import { countsOf } from './count-elements.ts';
import { exportDatabase } from './export-database.ts';

/** What one stream of a Cypher backup is. */
export const cypherFormat = 'neo4j-cypher';

/** One stream per chosen database, each read when it is opened. */
export async function captureCypher(context: EngineContext): Promise<Capture> {
  const connection = parseConnection(context.connection);
  const server = await connect(connection, context.scratch);
  try {
    const databases = await chosenDatabases(server, connection);
    const sizes = await Promise.all(databases.map((database) => countElements(server, database)));
    return {
      source: sourceOf(server),
      streams: databases.map(
        (database, index): CaptureStream => ({
          stream: streamName(database),
          kind: 'database',
          name: database,
          format: cypherFormat,
          expectedBytes: (sizes[index] ?? 0) * bytesPerElement,
          open: () => exportDatabase(context, server, database),
        }),
      ),
      end: () => server.driver.close(),
    };
  } catch (error) {
    await server.driver.close();
    throw error;
  }
}

/** A guess, for progress alone. */
const bytesPerElement = 100;

export const sourceOf = ({ version, edition }: Server): Capture['source'] => ({
  serverVersion: version,
  edition,
});

/** How many elements a database has. */
export async function countElements(server: Server, database: string): Promise<number> {
  const { nodes, relationships } = await withSession(server, { database }, countsOf);
  return nodes + relationships;
}

/** A key segment that tells the database: its name where that is one, otherwise what is left of it and a hash of the whole. */
export function streamName(database: string): string {
  const plain = database.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  if (plain === database && database.length <= 50) return `db-${database}`;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  return `db-${plain.slice(0, 40)}-${hash}`;
}
