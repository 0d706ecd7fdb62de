import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ChildServer } from '../../lib/servers/child-server.ts';
import type { ServerAccount } from '../../lib/servers/server-account.ts';
import { serverCloser } from '../../lib/servers/server-closer.ts';
import { startWatchdog, type Watchdog } from '../../lib/servers/watchdog.ts';
import { claimedPort } from './claimed-port.ts';

/** What a server is prepared with: a folder that is removed with it, and a port of 127.0.0.1. */
export type ServerPlace = { readonly folder: string; readonly port: number; readonly watchdog: Watchdog };

/** A running server of a test, ended and removed by disposing it, or when the test process ends in whatever way. */
export type OwnServer = AsyncDisposable & ChildServer & Omit<ServerPlace, 'watchdog'>;

/** Prepares a server in a place of its own, and starts it. */
export async function ownServer(options: {
  readonly name: string;
  readonly prepare: (place: ServerPlace) => ChildServer | Promise<ChildServer>;
  /** Whom the folder belongs to. @default - this process's */
  readonly account?: ServerAccount | undefined;
  /** What ends it with the test process. */
  readonly signal: 'QUIT' | 'TERM' | 'KILL';
  /** What ends it when it is disposed of. @default SIGKILL */
  readonly disposal?: NodeJS.Signals;
}): Promise<OwnServer> {
  const { name, account, signal, disposal = 'SIGKILL' } = options;
  const folder = mkdtempSync(path.join(tmpdir(), `holdfast-${name}-`));
  if (account) chownSync(folder, account.uid, account.gid);
  const { port, release } = await claimedPort();
  const watchdog = startWatchdog({ signal, removeFolder: folder, account });
  let prepared: ChildServer | undefined;
  const server: ChildServer = {
    start: async () => prepared?.start(),
    end: async (how) => prepared?.end(how),
  };
  const close = serverCloser({
    server,
    signal: disposal,
    watchdog,
    left: () => {
      rmSync(folder, { recursive: true, force: true });
      release();
    },
  });
  try {
    prepared = await options.prepare({ folder, port, watchdog });
    await prepared.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { ...prepared, folder, port, [Symbol.asyncDispose]: close };
}
