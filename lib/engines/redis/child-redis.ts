import path from 'node:path';
import { type ChildServer, childServer } from '../../servers/child-server.ts';
import type { Watchdog } from '../../servers/watchdog.ts';
import type { Connection } from './connection.ts';
import { openSession } from './protocol/session.ts';

/** A server as a child of this process, ready when it answers on `connection`; its log is in `folder`, its data are where the settings say. */
export function childRedis(options: {
  readonly program: string;
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly connection: Connection;
  readonly watchdog: Watchdog;
}): ChildServer {
  return childServer({
    program: options.program,
    args: Object.entries(options.settings).flatMap(([name, value]) => [`--${name}`, value]),
    env: { LC_ALL: 'C', TZ: 'UTC' },
    logFile: path.join(options.folder, 'server.log'),
    watchdog: options.watchdog,
    isReady: async () => {
      try {
        await using session = await openSession(options.connection);
        await session.ask(['PING']);
        return true;
      } catch {
        return false;
      }
    },
  });
}
