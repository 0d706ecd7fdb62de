import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { connectionSchema } from '../../lib/engines/redis/connection.ts';
import { openSession, type Session } from '../../lib/engines/redis/protocol/session.ts';
import { childServer } from '../../lib/servers/child-server.ts';
import { ensureRedis, type TestedServer } from '../../scripts/servers/redis.ts';
import { ownServer } from './own-server.ts';

/** A real server of a test, on 127.0.0.1, in which every user may do everything unless the settings say otherwise. */
export type RedisServer = AsyncDisposable & {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly cli: string;
  readonly folder: string;
  /** Opens a session, as the default user unless another is named. */
  connect(user?: { readonly user: string; readonly password: string }): Promise<Session>;
  /** Sends one command and gives its answer. */
  ask(...command: readonly (string | Buffer)[]): Promise<unknown>;
  /** Stops it as `SHUTDOWN` does; what is on its disk stays. */
  stop(): Promise<void>;
  start(): Promise<void>;
  kill(): Promise<void>;
};

/** Starts a server; ended and removed by disposing it, or when the test process ends in whatever way. */
export async function redisServer(
  which: TestedServer,
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer> {
  const programs = await ensureRedis(which, (line) => console.error(line));
  const connectAs = (port: number, user?: { readonly user: string; readonly password: string }) =>
    openSession(connectionSchema.parse({ host: '127.0.0.1', port, sslmode: 'disable', ...user }));
  const started = await ownServer({
    name: which,
    signal: 'TERM',
    prepare: ({ folder, port, watchdog }) => {
      mkdirSync(path.join(folder, 'data'));
      const all = {
        port: String(port),
        bind: '127.0.0.1',
        dir: path.join(folder, 'data'),
        save: '',
        // Otherwise each full synchronisation waits five seconds for other replicas.
        'repl-diskless-sync-delay': '0',
        ...settings,
      };
      return childServer({
        program: programs.server,
        args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
        env: { LC_ALL: 'C' },
        logFile: path.join(folder, 'server.log'),
        watchdog,
        isReady: async () => {
          try {
            await using session = await connectAs(port);
            return !String(await session.ask(['PING']).catch(String)).includes('LOADING');
          } catch (error) {
            // It asks for a password, so it is there.
            return (error as { code?: unknown }).code === 'auth-failed';
          }
        },
      });
    },
  });
  const { port, start, end } = started;
  return {
    host: '127.0.0.1',
    port,
    cli: programs.cli,
    folder: path.join(started.folder, 'data'),
    connect: (user) => connectAs(port, user),
    async ask(...command) {
      await using session = await connectAs(port);
      return await session.ask(command);
    },
    stop: () => end('SIGTERM'),
    start,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: started[Symbol.asyncDispose],
  };
}
