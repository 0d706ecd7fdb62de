import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoConfigFile, demoFolder } from '../../config/files.ts';
import { HoldfastError } from '../../core/errors.ts';
import { freePort } from '../../servers/child-server.ts';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../postgres-server.ts';
import { demoDatabases, loadDemoData } from './demo-data.ts';
import { makeDemoFiles } from './demo-files.ts';

/** The major version of the embedded server, whose client tools a backup of the demo needs. */
export const demoMajor = 17;

/** A running demo: a database server with something in it, a tree of files, and a configuration that protects both. */
export type Demo = { readonly configFile: string; close(): Promise<void> };

/**
 * Starts the demo's own PostgreSQL, fills it the first time, and makes a tree of files, and writes a configuration of both beside them. The port stays the same from
 * start to start, so that the configuration does, unless another program has taken it.
 */
export async function openDemo(progress: (line: string) => void): Promise<Demo> {
  mkdirSync(join(demoFolder, 'vault'), { recursive: true, mode: 0o700 });
  progress('starting the demo database');
  const server = await openServer();
  try {
    if (server.tcp === undefined) throw new HoldfastError('internal', 'the demo database does not listen');
    await loadDemoData({ host: server.host, port: server.port, user: server.user }, progress);
    makeDemoFiles(join(demoFolder, 'files'));
    writeFileSync(demoConfigFile, configuration(server.tcp.port));
    return { configFile: demoConfigFile, close: () => server.close() };
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
  const remembered = rememberedPort(portFile);
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

function rememberedPort(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

const configuration = (
  port: number,
): string => `# The demo's own configuration, written at every start. Yours is ../holdfast.yaml: begin with holdfast.example.yaml.
store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - name: demo
    engine: postgres
    connection: { host: 127.0.0.1, port: ${port}, user: postgres, password: { file: postgres/password }, sslmode: disable, databases: ${JSON.stringify(demoDatabases)} }
  - name: demo-files
    engine: application
    connection: { path: files, exclude: ['*.tmp'] }
`;
