import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createMasterRole } from './master-role.ts';
import type { LocalDatabase } from './model.ts';
import { openEmbeddedPostgres } from './postgres-server.ts';

/**
 * Starts an embedded server for each database of the model, with its data in the state folder. The socket folders that the
 * model promised are links to those that the servers chose.
 */
export async function openDatabases(
  databases: readonly LocalDatabase[],
  options: {
    readonly stateDirectory: string;
    readonly onStart: (identifier: string) => void;
    /** Takes what ends a server, as soon as it runs. */
    readonly onOpen: (close: () => Promise<void>) => void;
  },
): Promise<void> {
  for (const { identifier, socketFolder, databaseName, masterUser } of databases) {
    options.onStart(identifier);
    const dataDir = join(options.stateDirectory, 'databases', identifier);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const server = await openEmbeddedPostgres({ dataDir, databases: [databaseName] });
    options.onOpen(() => server.close());
    await createMasterRole({ host: server.host, port: server.port, masterUser, database: databaseName });
    symlinkSync(server.host, socketFolder);
  }
}
