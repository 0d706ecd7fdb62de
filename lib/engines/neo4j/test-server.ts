import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { freePort } from '../../servers/free-port.ts';
import { prepareNeo4j } from '../../servers/neo4j-server.ts';
import { requireSpace } from '../../servers/require-space.ts';
import { startWatchdog } from '../../servers/watchdog.ts';
import { type Connection, connectionSchema } from './connection.ts';
import type { Neo4jTools } from './tools.ts';

/** A server that exists for one restore test. */
export type TestServer = AsyncDisposable & {
  readonly connection: Connection;
  /** NEO4J_HOME of it. */
  readonly home: string;
  start(): Promise<void>;
};

const mebibyte = 1024 * 1024;

/**
 * Prepares a new, empty server in a private folder that is removed with it. It listens on a port of 127.0.0.1, with a password that is nowhere
 * written down. A watchdog ends it and removes the folder when this process is gone, be it by SIGKILL.
 *
 * Rejects with `test-disk-too-small` before anything is made when `sizeBytes` of content do not fit.
 */
export async function prepareTestServer(options: {
  readonly tools: Neo4jTools;
  readonly sizeBytes: number;
  readonly heapMiB: number;
  readonly pageCacheMiB: number;
}): Promise<TestServer> {
  const { tools, heapMiB, pageCacheMiB } = options;
  await requireSpace(tmpdir(), neededBytes(options.sizeBytes));
  const home = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'));
  const watchdog = startWatchdog({ signal: 'KILL', removeFolder: home });
  const port = await freePort();
  // Not in base64: one that begins with a dash would be an option to neo4j-admin.
  const password = randomBytes(24).toString('hex');
  const failed = (cause: unknown): HoldfastError => {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new HoldfastError('not-testable', `Neo4j ${tools.version} does not start here: ${why}`, {
      hint: `may '${tools.neo4j}' run here, and has '${tmpdir()}' room? TMPDIR names another folder`,
      cause,
    });
  };
  let server: Awaited<ReturnType<typeof prepareNeo4j>> | undefined;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await server?.end('SIGKILL');
      await watchdog.release();
      rmSync(home, { recursive: true, force: true });
    })();
    return closing;
  };
  try {
    server = await prepareNeo4j({
      programs: tools,
      home,
      port,
      password,
      watchdog,
      heapMiB,
      settings: {
        'server.memory.pagecache.size': `${pageCacheMiB}m`,
        'db.tx_log.rotation.retention_policy': 'keep_none',
      },
    });
  } catch (cause) {
    await close();
    throw failed(cause);
  }
  const prepared = server;
  return {
    connection: connectionSchema.parse({ host: '127.0.0.1', port, user: 'neo4j', password, tls: 'disable' }),
    home,
    async start() {
      try {
        await prepared.start();
      } catch (cause) {
        throw failed(cause);
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

/** The content, its indexes as large again, and the transaction logs, which are bounded. */
const neededBytes = (sizeBytes: number): number => 2 * sizeBytes + 1024 * mebibyte;
