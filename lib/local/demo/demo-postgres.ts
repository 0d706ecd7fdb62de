import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoFolder } from '../../config/files.ts';
import { HoldfastError } from '../../core/errors.ts';
import { freePort } from '../../servers/free-port.ts';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../postgres-server.ts';
import type { DemoRestore, DemoSource } from './demo-source.ts';
import { demoDatabases, loadDemoData } from './load-postgres.ts';
import { rememberedIn } from './stable-port.ts';

/** The major version of the embedded server, whose client tools a backup of the demo needs. */
export const demoMajor = 17;

export const postgresRestore: DemoRestore = { databases: ['shop'], as: 'shop_restored', replace: true };

/**
 * Starts the demo's own PostgreSQL, and fills it the first time. The port stays the same from start to start, unless another program has
 * taken it.
 */
export async function openDemoPostgres(progress: (line: string) => void): Promise<DemoSource> {
  progress('starting the demo database');
  const server = await openServer();
  try {
    if (server.tcp === undefined) throw new HoldfastError('internal', 'the demo database does not listen');
    await loadDemoData({ host: server.host, port: server.port, user: server.user }, progress);
    return { target: 'demo', yaml: yamlOf(server.tcp.port), close: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function openServer(): Promise<EmbeddedPostgres> {
  const portFile = join(demoFolder, 'port');
  const open = (tcp: number): Promise<EmbeddedPostgres> =>
    openEmbeddedPostgres({ dataDir: join(demoFolder, 'postgres'), tcp }).catch((cause: unknown) => {
      if (!(cause instanceof HoldfastError) || cause.code !== 'lease-held') throw cause;
      throw new HoldfastError('stack-running', `the demo runs already: ${cause.message}`, { cause });
    });
  const remembered = rememberedIn(portFile);
  if (remembered !== undefined) {
    try {
      return await open(remembered);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'port-taken') throw error;
    }
  }
  const port = await freePort();
  writeFileSync(portFile, String(port));
  return open(port);
}

const yamlOf = (port: number): string => `  - name: demo
    engine: postgres
    connection: { host: 127.0.0.1, port: ${port}, user: postgres, password: { file: postgres/password }, sslmode: disable, databases: ${JSON.stringify(demoDatabases)} }
`;
