import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { reachableCopy } from '../../lib/local/reachable-copy.ts';
import { childServer } from '../../lib/servers/child-server.ts';
import { isPostmasterReady, startPostmaster } from '../../lib/servers/postmaster.ts';
import { asAccount, type ServerAccount, serverAccount } from '../../lib/servers/server-account.ts';
import { ensurePostgres, type PostgresMajor } from '../../scripts/servers/postgres.ts';
import { ownServer } from './own-server.ts';
import { postgresTemplate, testPassword, testUser } from './postgres-template.ts';

/** A real PostgreSQL server of a test, on 127.0.0.1 with a password. `user` is a superuser. */
export type PostgresServer = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly binDir: string;
  readonly dataDir: string;
  /** A connection string for the database. */
  url(database: string): string;
  /** Stops it; the data stay. `smart` waits for clients, `fast` (the default) disconnects them, `immediate` leaves recovery to the next start. */
  stop(mode?: 'smart' | 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Starts a stopped standby as a primary, without a promotion: of the same timeline. */
  asPrimary(): Promise<void>;
  /** SIGKILL to the postmaster: a crash. */
  kill(): Promise<void>;
};

const signals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/**
 * Starts a server of the major version with empty data; found or installed by scripts/servers. Ended and removed by disposing it, or
 * when the test process ends in whatever way.
 */
export async function postgresServer(options: {
  readonly major: PostgresMajor;
  readonly settings?: Readonly<Record<string, string>>;
  /** A data folder to begin with, which is copied. @default - empty data, with page checksums */
  readonly data?: string;
  /** A server that this one is a standby of, instead of having data of its own. */
  readonly standbyOf?: PostgresServer;
}): Promise<PostgresServer> {
  const account = serverAccount();
  const installed = await ensurePostgres(options.major, (line) => console.error(line));
  const binDir = path.join(await reachableCopy(installed, account), 'bin');
  const template = options.data ?? (await postgresTemplate(binDir, options.major, account));
  const started = await ownServer({
    name: `pg${options.major}`,
    account,
    signal: 'QUIT',
    disposal: 'SIGQUIT',
    prepare: async ({ folder, port, watchdog }) => {
      const dataDir = path.join(folder, 'data');
      if (options.standbyOf) await copyOf(options.standbyOf, dataDir, account);
      else await promisify(execFile)('cp', ['-a', '--reflink=auto', template, dataDir]);
      const settings = {
        ...options.settings,
        ...(options.standbyOf && { primary_conninfo: conninfoOf(options.standbyOf), hot_standby: 'on' }),
      };
      writeFileSync(path.join(dataDir, 'postgresql.auto.conf'), configuration({ port, folder, settings }));
      const server = childServer({
        program: path.join(binDir, 'postgres'),
        args: ['-D', dataDir],
        env: { LC_ALL: 'C', TZ: 'UTC' },
        account,
        logFile: path.join(folder, 'server.log'),
        watchdog,
        isReady: async (pid) => isPostmasterReady(dataDir, pid),
      });
      return { ...server, start: () => startPostmaster(server) };
    },
  });
  const { port, start, end } = started;
  return {
    host: '127.0.0.1',
    port,
    user: testUser,
    password: testPassword,
    binDir,
    dataDir: path.join(started.folder, 'data'),
    url: (database) =>
      `postgresql://${testUser}:${encodeURIComponent(testPassword)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    stop: (mode = 'fast') => end(signals[mode]),
    start,
    async restart() {
      await end('SIGINT');
      await start();
    },
    async asPrimary() {
      rmSync(path.join(started.folder, 'data', 'standby.signal'));
      await start();
    },
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: started[Symbol.asyncDispose],
  };
}

const quoted = (value: string): string => `'${value.replaceAll(/[\\']/g, '\\$&')}'`;
const conninfoOf = ({ host, port, user, password }: PostgresServer): string =>
  `host=${host} port=${port} user=${user} password=${quoted(password)}`;

/** A running server's data, ready to follow it as a standby. */
async function copyOf(primary: PostgresServer, dataDir: string, account: ServerAccount | undefined): Promise<void> {
  const program = path.join(primary.binDir, 'pg_basebackup');
  await promisify(execFile)(program, ['-D', dataDir, '-R', '-X', 'stream', '-c', 'fast', '-d', conninfoOf(primary)], {
    ...asAccount(account),
    cwd: '/',
  });
}

function configuration(server: {
  readonly port: number;
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
}): string {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(server.port),
    unix_socket_directories: server.folder,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    shared_buffers: '32MB',
    max_connections: '50',
    wal_level: 'replica',
    lc_messages: 'C',
    autovacuum_naptime: '1h',
    ...server.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll(/['\\]/g, '$&$&')}'\n`)
    .join('');
}
