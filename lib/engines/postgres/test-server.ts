import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { childServer } from '../../servers/child-server.ts';
import { initialise } from '../../servers/initdb.ts';
import { isPostmasterReady, startPostmaster } from '../../servers/postmaster.ts';
import { requireSpace } from '../../servers/require-space.ts';
import type { ServerAccount } from '../../servers/server-account.ts';
import { serverCloser } from '../../servers/server-closer.ts';
import { startWatchdog } from '../../servers/watchdog.ts';
import { type Connection, connectionSchema } from './connection.ts';
import type { ServerPrograms } from './server-programs.ts';

/** A server that exists for one restore test. */
export type TestServer = AsyncDisposable & {
  /** As its superuser, through the socket. */
  readonly connection: Connection;
  /** Makes a folder for one more tablespace. */
  tablespaceFolder(): string;
};

const mebibyte = 1024 * 1024;

/** Only what a crash of the machine would cost is given up: nothing here is to outlive this process. */
const ownSettings = {
  listen_addresses: '',
  port: '5432',
  unix_socket_permissions: '0700',
  // As many sessions as a restore may load over, and those that look on.
  max_connections: '100',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  autovacuum: 'off',
  shared_buffers: '256MB',
  maintenance_work_mem: '256MB',
  // A restored subscription must not call its publisher, which is production.
  max_logical_replication_workers: '0',
} as const;

/**
 * Starts a new, empty server in a private folder that is removed with it. It listens on a socket in that folder and nowhere else; as root it
 * runs as an unprivileged account. A watchdog ends it and removes the folder when this process is gone, be it by SIGKILL.
 *
 * Rejects with `test-disk-too-small` before anything is made when `sizeBytes` of databases do not fit.
 */
export async function openTestServer(options: {
  readonly programs: ServerPrograms;
  readonly account: ServerAccount | undefined;
  readonly sizeBytes: number;
  /** Beside those that keep it private and short-lived. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<TestServer> {
  const { programs, account } = options;
  await requireSpace(tmpdir(), neededBytes(options.sizeBytes));
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'));
  const ownFolder = (name: string): string => {
    const made = path.join(folder, name);
    mkdirSync(made, { mode: 0o700 });
    if (account) chownSync(made, account.uid, account.gid);
    return made;
  };
  if (account) chownSync(folder, account.uid, account.gid);
  const watchdog = startWatchdog({ signal: 'QUIT', removeFolder: folder, account });
  const data = path.join(folder, 'data');
  const server = childServer({
    program: programs.postgres,
    args: [
      '-D',
      data,
      '-k',
      folder,
      ...Object.entries({ ...options.settings, ...ownSettings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env: { LC_ALL: 'C', TZ: 'UTC' },
    account,
    logFile: path.join(folder, 'server.log'),
    watchdog,
    isReady: async (pid) => isPostmasterReady(data, pid),
  });
  // Nothing is worth a checkpoint. The watchdog, another account's, may not be able to remove the folder itself.
  const left = (): void => rmSync(folder, { recursive: true, force: true });
  const close = serverCloser({ server, signal: 'SIGQUIT', watchdog, left });
  try {
    await initialise({ initdb: programs.initdb, folder: ownFolder('data'), account, isDurable: false });
    await startPostmaster(server);
  } catch (cause) {
    await close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('not-testable', `PostgreSQL ${programs.version} does not start here: ${why}`, {
      hint: `may '${programs.postgres}' run here, and has '${tmpdir()}' room? TMPDIR names another folder`,
      cause,
    });
  }
  let tablespaces = 0;
  return {
    connection: connectionSchema.parse({ host: folder, port: 5432, user: 'postgres', sslmode: 'disable' }),
    tablespaceFolder: () => ownFolder(`tablespace-${++tablespaces}`),
    [Symbol.asyncDispose]: close,
  };
}

/** The databases as large as they were, a tenth for what sorting indexes takes, and the WAL, which is bounded. */
const neededBytes = (sizeBytes: number): number =>
  Math.ceil(1.1 * sizeBytes + Math.min(1024 * mebibyte, 64 * mebibyte + sizeBytes));
