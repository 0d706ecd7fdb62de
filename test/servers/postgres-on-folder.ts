import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { accountOfFolder } from '../../lib/servers/account-of-folder.ts';
import { childServer } from '../../lib/servers/child-server.ts';
import { isPostmasterReady, startPostmaster } from '../../lib/servers/postmaster.ts';
import { startWatchdog } from '../../lib/servers/watchdog.ts';
import { claimedPort } from './claimed-port.ts';
import { testPassword, testUser } from './postgres-template.ts';

export type StartedOnFolder = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
};

/** Starts a server on a data directory that is there, as its owner would, but on a port of the test's own. It is stopped in order; the directory stays. */
export async function startOn(
  folder: string,
  binDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<StartedOnFolder> {
  const account = accountOfFolder(folder);
  const { port, release } = await claimedPort();
  const log = mkdtempSync(path.join(tmpdir(), 'holdfast-started-'));
  writeFileSync(path.join(log, 'server.log'), '');
  const watchdog = startWatchdog({ signal: 'QUIT', account });
  const server = childServer({
    program: path.join(binDir, 'postgres'),
    args: [
      '-D',
      folder,
      ...Object.entries({
        ...{ port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' },
        ...settings,
      }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env: { LC_ALL: 'C', TZ: 'UTC' },
    account,
    logFile: path.join(log, 'server.log'),
    watchdog,
    isReady: async (pid) => isPostmasterReady(folder, pid),
  });
  const stop = async (): Promise<void> => {
    await server.end('SIGINT');
    await watchdog.release();
    rmSync(log, { recursive: true, force: true });
    release();
  };
  try {
    await startPostmaster(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ host: '127.0.0.1', port, user: testUser, password: testPassword },
    [Symbol.asyncDispose]: stop,
  };
}
