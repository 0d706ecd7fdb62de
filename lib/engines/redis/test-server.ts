import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { serverCloser } from '../../servers/server-closer.ts';
import { startWatchdog } from '../../servers/watchdog.ts';
import { childRedis } from './child-redis.ts';
import { type Connection, connectionSchema } from './connection.ts';
import type { ServerProgram } from './server-program.ts';

/** A server that exists for one restore test. */
export type TestServer = AsyncDisposable & { readonly connection: Connection };

/**
 * Starts a new, empty server. It listens on a socket in a private folder and nowhere else, writes nothing to a disk, and ends with this process, be
 * it by SIGKILL. Rejects with `not-testable` where it does not start, or where `sizeBytes` of keys find no memory.
 */
export async function openTestServer(options: {
  readonly program: ServerProgram;
  readonly sizeBytes: number;
  readonly databases: number;
  /** Beside those that keep it private and short-lived. */
  readonly settings: Readonly<Record<string, string>>;
}): Promise<TestServer> {
  const { program } = options;
  requireMemory(options.sizeBytes);
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'));
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const socketPath = path.join(folder, 'redis.sock');
  const settings = {
    ...options.settings,
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir: data,
    save: '',
    appendonly: 'no',
    databases: String(options.databases),
    'repl-diskless-sync': 'yes',
    'repl-diskless-sync-delay': '0',
  };
  const watchdog = startWatchdog({ signal: 'KILL', removeFolder: folder });
  const connection = connectionSchema.parse({ host: 'localhost', sslmode: 'disable', socketPath });
  const server = childRedis({ program: program.program, folder, settings, connection, watchdog });
  const left = (): void => rmSync(folder, { recursive: true, force: true });
  const close = serverCloser({ server, signal: 'SIGKILL', watchdog, left });
  try {
    await server.start();
  } catch (cause) {
    await close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('not-testable', `${program.product} ${program.version} does not start here: ${why}`, {
      hint: `may '${program.program}' run here, and are the settings of the restore test right?`,
      cause,
    });
  }
  return { connection, [Symbol.asyncDispose]: close };
}

/** What keys and values take themselves, and as much again for what a server adds to each. */
function requireMemory(sizeBytes: number): void {
  const needed = 2 * sizeBytes;
  const free = freemem();
  if (free >= needed) return;
  const [neededMiB, freeMiB] = [needed, free].map((bytes) => Math.ceil(bytes / 1024 ** 2));
  throw new HoldfastError(
    'not-testable',
    `the restore test needs ${neededMiB} MiB of memory, and ${freeMiB} MiB are free`,
    { hint: 'raise aws.taskMemoryMiB, or test where there is more' },
  );
}
