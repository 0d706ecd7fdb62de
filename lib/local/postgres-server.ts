import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../core/errors.ts';
import { childServer } from '../servers/child-server.ts';
import { freePort } from '../servers/free-port.ts';
import { initialise } from '../servers/initdb.ts';
import { isPostmasterOf, isPostmasterReady, readPostmaster, startPostmaster } from '../servers/postmaster.ts';
import { type ServerAccount, serverAccount } from '../servers/server-account.ts';
import { serverCloser } from '../servers/server-closer.ts';
import { startWatchdog } from '../servers/watchdog.ts';
import { createDatabases } from './create-databases.ts';
import { dataLocation, removeData } from './data-location.ts';
import { embeddedPrograms } from './embedded-programs.ts';
import { ownerOf, ownFolder } from './folder-owner.ts';
import { isAlive } from './install-cache.ts';

/** How to reach an embedded server: through its socket without a password, or, if it listens, on loopback with one. */
export type EmbeddedAddress = {
  /** A folder, as in libpq's `host`. */
  readonly host: string;
  readonly port: number;
  /** A superuser. */
  readonly user: 'postgres';
  /** Where it listens on loopback; the file (mode 0600) holds the password of `user` and nothing else. */
  readonly tcp?: { readonly host: '127.0.0.1'; readonly port: number; readonly passwordFile: string };
};

/** A running PostgreSQL server of this process. Closed at the latest when this process is gone, however it went; the data stay. */
export type EmbeddedPostgres = EmbeddedAddress & AsyncDisposable & { close(): Promise<void> };

/**
 * Starts the embedded PostgreSQL on the folder and makes the databases that are missing. The first time makes the data (about 2
 * seconds). `tcp` makes it listen on loopback: on that port, or for `true` on a free one. Works as root too: the server then runs as an
 * unprivileged account, with data and programs where that account can reach them.
 *
 * Rejects with `lease-held` while another process has the folder open, `port-taken`, `version-mismatch` when the data are of another
 * major version, and `tool-missing` where there is no embedded PostgreSQL for the platform.
 *
 * Invariant: `pgdata` is whole or absent: it is made beside and renamed. A crash before leaves `pgdata.new`, which the next start removes.
 */
export async function openEmbeddedPostgres(options: {
  readonly dataDir: string;
  readonly tcp?: boolean | number;
  readonly databases?: readonly string[];
}): Promise<EmbeddedPostgres> {
  const folder = path.resolve(options.dataDir);
  const account = serverAccount();
  const programs = await embeddedPrograms(account);
  const location = dataLocation(folder, account);
  const owner = ownFolder(folder);
  let socketFolder: string | undefined;
  try {
    const data = path.join(location, 'pgdata');
    await endPredecessor(data);
    const passwordFile = path.join(folder, 'password');
    if (!existsSync(data)) await makeData({ location, data, passwordFile, initdb: programs.initdb, account });
    checkMajor(data, programs.major);

    socketFolder = mkdtempSync(path.join(shortTemporaryFolder(), 'holdfast-pg-'));
    if (account) chownSync(socketFolder, account.uid, account.gid);
    const port = typeof options.tcp === 'number' ? options.tcp : options.tcp ? await freePort() : 5432;
    const watchdog = startWatchdog({ signal: 'INT', removeFolder: socketFolder, account });
    const server = childServer({
      program: programs.postgres,
      args: ['-D', data, ...settings({ socketFolder, port, tcp: Boolean(options.tcp) })],
      env: { LC_ALL: 'C', TZ: 'UTC' },
      account,
      logFile: path.join(folder, 'server.log'),
      watchdog,
      isReady: async (pid) => isPostmasterReady(data, pid),
    });
    const close = serverCloser({ server, signal: 'SIGINT', watchdog, left: () => owner.release() });
    const address = { host: socketFolder, port, user: 'postgres' } as const;
    try {
      await startPostmaster(server).catch((error: unknown) => {
        throw explainStart(error, port);
      });
      await createDatabases(address, options.databases ?? []);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      ...address,
      ...(options.tcp && { tcp: { host: '127.0.0.1', port, passwordFile } }),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    owner.release();
    if (socketFolder) rmSync(socketFolder, { recursive: true, force: true });
    throw error;
  }
}

/** The server that another process runs on the folder, if one does and it accepts connections. */
export function findEmbeddedPostgres(dataDir: string): EmbeddedAddress | undefined {
  const folder = path.resolve(dataDir);
  if (ownerOf(folder) === undefined) return undefined;
  const pointer = path.join(folder, 'elsewhere');
  const location = existsSync(pointer) ? readFileSync(pointer, 'utf8') : folder;
  const found = readPostmaster(path.join(location, 'pgdata'));
  if (!found?.isReady || !isAlive(found.pid)) return undefined;
  const tcp = { host: '127.0.0.1', port: found.port, passwordFile: path.join(folder, 'password') } as const;
  return { host: found.socketFolder, port: found.port, user: 'postgres', ...(found.listens && { tcp }) };
}

/** Removes the folder of an embedded server and all of its data, wherever they are. Throws `lease-held` while it is in use. */
export function removeEmbeddedPostgres(dataDir: string): void {
  const folder = path.resolve(dataDir);
  if (!existsSync(folder)) return;
  ownFolder(folder);
  removeData(folder);
}

/**
 * Waits for the server of a process that was killed: its watchdog is ending it. A pid file whose process is something else is what a
 * power cut left, and PostgreSQL would take the something else for itself.
 */
async function endPredecessor(data: string): Promise<void> {
  for (let waited = 0; ; waited++) {
    const left = readPostmaster(data);
    if (left === undefined || !isAlive(left.pid)) return;
    if (!isPostmasterOf(data, left.pid)) {
      rmSync(path.join(data, 'postmaster.pid'), { force: true });
      return;
    }
    if (waited === 20) process.kill(left.pid, 'SIGINT');
    if (waited === 200) process.kill(left.pid, 'SIGQUIT');
    if (waited === 400) throw new HoldfastError('lease-held', `PostgreSQL '${left.pid}' on '${data}' does not end`);
    await delay(50);
  }
}

async function makeData(options: {
  readonly location: string;
  readonly data: string;
  readonly passwordFile: string;
  readonly initdb: string;
  readonly account: ServerAccount | undefined;
}): Promise<void> {
  const making = path.join(options.location, 'pgdata.new');
  rmSync(making, { recursive: true, force: true });
  await mkdir(making, { mode: 0o700 });
  if (options.account) chownSync(making, options.account.uid, options.account.gid);
  const password = randomBytes(24).toString('base64url');
  writeFileSync(options.passwordFile, password, { mode: 0o600 });
  await initialise({ ...options, folder: making, password });
  renameSync(making, options.data);
}

function checkMajor(data: string, major: string): void {
  const found = readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim();
  if (found === major) return;
  throw new HoldfastError(
    'version-mismatch',
    `'${data}' is of PostgreSQL '${found}', and the embedded one is '${major}'`,
    {
      hint: "remove that folder: the demo is made anew, and 'holdfast catalog rebuild' fills the catalog from the store",
    },
  );
}

function settings(server: { readonly socketFolder: string; readonly port: number; readonly tcp: boolean }): string[] {
  const chosen = {
    listen_addresses: server.tcp ? '127.0.0.1' : '',
    port: String(server.port),
    unix_socket_directories: server.socketFolder,
    unix_socket_permissions: '0700',
    // A crash of the machine may lose the last half second; it never leaves the data torn.
    synchronous_commit: 'off',
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    wal_level: 'replica',
  };
  return Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** A socket's path holds at most 107 bytes on Linux and 103 on macOS, whose own temporary folder takes 49 of them. */
function shortTemporaryFolder(): string {
  return tmpdir().length <= 60 ? tmpdir() : '/tmp';
}

function explainStart(error: unknown, port: number): unknown {
  if (error instanceof Error && error.message.includes('Address already in use')) {
    return new HoldfastError('port-taken', `port '${port}' on 127.0.0.1 is taken`, { cause: error });
  }
  return error;
}
