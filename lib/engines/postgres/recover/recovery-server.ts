import { chownSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import { childServer } from '../../../servers/child-server.ts';
import { isPostmasterReady, startPostmaster } from '../../../servers/postmaster.ts';
import { startWatchdog, type Watchdog } from '../../../servers/watchdog.ts';
import { type Connection, connect, connectionSchema } from '../connection.ts';
import type { ServerPrograms } from '../server-programs.ts';
import type { DataFolder } from './data-folder.ts';
import { fleetingSettings, privateSettings } from './recovery-settings.ts';
import { findSuperuser } from './superuser.ts';

/** A server on a restored data directory that nobody else can reach. */
export type RecoveryServer = AsyncDisposable & {
  /** Starts it, and resolves when it has recovered and takes questions. Rejects when it ends before; `log` then says why. */
  start(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** As a superuser of the cluster, through the socket. */
  connection(): Promise<Connection>;
  /** What it has written to its log since it was last started. */
  log(): string;
  /** Stops it so that the data directory is as after an orderly shutdown. */
  stop(): Promise<void>;
};

/** A recovery takes as long as it takes: the run's own deadline ends it. */
const readyWithinSeconds = 365 * 24 * 3600;

/** Settings of the cluster's own that its server would read in any case. */
const ownSettings = 'postgresql.auto.conf';

/**
 * Prepares the server; it is not started. What the cluster itself has for settings is set aside until `releaseSettings`. Disposing it ends it at
 * once; so does the end of this process, however it ends.
 */
export function openRecoveryServer(options: {
  readonly programs: ServerPrograms;
  readonly data: DataFolder;
  /** Is it gone afterwards, so that nothing need be on the disk? */
  readonly isFleeting: boolean;
  /** A private folder with a watchdog that removes it, for sockets; it goes with the server. @default - one of its own */
  readonly home?: { readonly folder: string; readonly watchdog: Watchdog };
  /** Beside those that keep it private. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
}): RecoveryServer {
  const { programs, data } = options;
  const { account } = data;
  const sockets = options.home?.folder ?? mkdtempSync(path.join(tmpdir(), 'holdfast-recover-'));
  const files = {
    config: path.join(data.work, 'postgresql.conf'),
    access: path.join(data.work, 'pg_hba.conf'),
    users: path.join(data.work, 'pg_ident.conf'),
    log: path.join(data.work, 'server.log'),
  };
  const own = path.join(data.path, ownSettings);
  if (existsSync(own)) renameSync(own, path.join(data.work, ownSettings));
  writeFileSync(files.access, 'local all all trust\n', { mode: 0o600 });
  writeFileSync(files.users, '', { mode: 0o600 });
  writeFileSync(files.config, '', { mode: 0o600 });
  if (account)
    for (const one of [sockets, files.access, files.users, files.config]) chownSync(one, account.uid, account.gid);
  const watchdog = options.home?.watchdog ?? startWatchdog({ signal: 'QUIT', removeFolder: sockets, account });
  let current: ReturnType<typeof childServer> | undefined;
  let superuser: string | undefined;

  function serverWith(settings: Readonly<Record<string, string>>): ReturnType<typeof childServer> {
    const all: Readonly<Record<string, string>> = {
      ...options.settings,
      ...privateSettings,
      ...(options.settings?.['shared_preload_libraries'] !== undefined && {
        shared_preload_libraries: options.settings['shared_preload_libraries'],
      }),
      ...(options.isFleeting && fleetingSettings),
      unix_socket_directories: sockets,
      config_file: files.config,
      hba_file: files.access,
      ident_file: files.users,
      ...settings,
    };
    return childServer({
      program: programs.postgres,
      args: ['-D', data.path, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: { LC_ALL: 'C', TZ: 'UTC' },
      account,
      logFile: files.log,
      watchdog,
      isReady: async (pid) => isPostmasterReady(data.path, pid),
      readyWithinSeconds,
    });
  }
  const asSuperuser = (user: string): Connection =>
    connectionSchema.parse({ host: sockets, port: 5432, user, sslmode: 'disable' });

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    current = serverWith(settings);
    await startPostmaster(current);
  }
  async function stop(): Promise<void> {
    await current?.end('SIGINT');
  }
  return {
    start,
    stop,
    async connection() {
      superuser ??= (await isSuperuser(asSuperuser('postgres')))
        ? 'postgres'
        : await restartedFor(async () => findSuperuser({ programs, data, configFile: files.config }));
      return asSuperuser(superuser);
    },
    log: () => (existsSync(files.log) ? readFileSync(files.log, 'utf8') : ''),
    async [Symbol.asyncDispose]() {
      await current?.end('SIGQUIT');
      await watchdog.release();
      rmSync(sockets, { recursive: true, force: true });
    },
  };

  /** What only a server in single-user mode can say. */
  async function restartedFor<Result>(ask: () => Promise<Result>): Promise<Result> {
    await stop();
    const answer = await ask();
    await start();
    return answer;
  }
}

/** Gives the cluster the settings back that it had. */
export function releaseSettings(data: DataFolder, added: Readonly<Record<string, string>>, why: string): void {
  const aside = path.join(data.work, ownSettings);
  const text = existsSync(aside) ? readFileSync(aside, 'utf8') : '';
  const lines = Object.entries(added).map(([name, value]) => `${name} = '${value}'\n`);
  const file = path.join(data.work, 'postgresql.auto.conf.new');
  writeFileSync(file, lines.length === 0 ? text : `${text}# ${why}\n${lines.join('')}`, { mode: 0o600 });
  if (data.account) chownSync(file, data.account.uid, data.account.gid);
  renameSync(file, path.join(data.path, ownSettings));
}

async function isSuperuser(connection: Connection): Promise<boolean> {
  try {
    const client = await connect(connection, 'template1');
    try {
      const { rows } = await client.query<{ is: boolean }>(
        'select rolsuper as is from pg_roles where rolname = current_user',
      );
      return rows[0]?.is === true;
    } finally {
      await client.end();
    }
  } catch (error) {
    if (error instanceof HoldfastError && ['auth-failed', 'privilege-missing', 'internal'].includes(error.code))
      return false;
    throw error;
  }
}
