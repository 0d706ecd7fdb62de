import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { accountOfFolder } from '../../lib/servers/account-of-folder.ts';
import { childServer, freePort } from '../../lib/servers/child-server.ts';
import { isPostmasterReady, startPostmaster } from '../../lib/servers/postmaster.ts';
import { startWatchdog } from '../../lib/servers/watchdog.ts';
import { testPassword, testUser } from './postgres-template.ts';

export type StartedOnFolder = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
};

/** Starts a server on a data directory that is there, as its owner would, but on a port of the test's own. It is stopped in order; the directory stays. */
export async function startOn(folder: string, binDir: string): Promise<StartedOnFolder> {
  const account = accountOfFolder(folder);
  const port = await freePort();
  const log = mkdtempSync(path.join(tmpdir(), 'holdfast-started-'));
  writeFileSync(path.join(log, 'server.log'), '');
  const watchdog = startWatchdog({ signal: 'QUIT', account });
  const server = childServer({
    program: path.join(binDir, 'postgres'),
    args: ['-D', folder, '-c', `port=${port}`, '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    env: { LC_ALL: 'C', TZ: 'UTC' },
    account,
    logFile: path.join(log, 'server.log'),
    watchdog,
    isReady: async (pid) => isPostmasterReady(folder, pid),
  });
  await startPostmaster(server);
  return {
    ...{ host: '127.0.0.1', port, user: testUser, password: testPassword },
    async [Symbol.asyncDispose]() {
      await server.end('SIGINT');
      await watchdog.release();
      rmSync(log, { recursive: true, force: true });
    },
  };
}
