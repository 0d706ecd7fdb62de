import type { EngineContext, EngineHealth } from '../engine.ts';
import { chosenDatabases, withServer, withSession } from './connection.ts';

/** One answer of each database that is to be backed up. */
export const serverHealth = (context: EngineContext): Promise<EngineHealth> =>
  withServer(context, async (server, connection) => {
    const databases = await chosenDatabases(server, connection);
    for (const database of databases) await withSession(server, { database }, (session) => session.run('RETURN 1'));
    return { serverVersion: `${server.version} ${server.edition}`, unarchivedWalFiles: null };
  });
