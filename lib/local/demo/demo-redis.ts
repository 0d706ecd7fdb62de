import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { childRedis } from '../../engines/redis/child-redis.ts';
import { connectionSchema } from '../../engines/redis/connection.ts';
import { openSession } from '../../engines/redis/protocol/session.ts';
import { findServerProgram, type ServerProgram } from '../../engines/redis/server-program.ts';
import { serverCloser } from '../../servers/server-closer.ts';
import { startWatchdog } from '../../servers/watchdog.ts';
import type { DemoRestore, DemoSource, LeftOut } from './demo-source.ts';
import { stablePort } from './stable-port.ts';

/** Into another database of the same server. */
export const redisRestore: DemoRestore = { as: '1', replace: true };

/** A Redis (or Valkey) server with some thousand keys of every type, where this machine has the program; it starts in a moment, so it is made anew at every start. */
export async function openDemoRedis(progress: (line: string) => void): Promise<DemoSource | LeftOut> {
  const program = findProgram();
  if (typeof program === 'string') return { engine: 'redis', why: program };
  progress('starting the demo Redis');
  const port = await stablePort('redis');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  const watchdog = startWatchdog({ signal: 'KILL', removeFolder: folder });
  const connection = connectionSchema.parse({ host: '127.0.0.1', port, sslmode: 'disable' });
  const settings = { bind: '127.0.0.1', port: String(port), dir: join(folder, 'data'), save: '', appendonly: 'no' };
  const server = childRedis({
    program: program.program,
    folder,
    settings: { ...settings, 'repl-diskless-sync-delay': '0' },
    connection,
    watchdog,
  });
  const left = (): void => rmSync(folder, { recursive: true, force: true });
  const close = serverCloser({ server, signal: 'SIGKILL', watchdog, left });
  try {
    await server.start();
    await using session = await openSession(connection);
    for (const command of fillingCommands()) await session.ask(command);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    target: 'demo-redis',
    yaml: `  - name: demo-redis
    engine: redis
    connection: { host: 127.0.0.1, port: ${port}, sslmode: disable }
`,
    close,
  };
}

function findProgram(): ServerProgram | string {
  try {
    return findServerProgram({ product: 'Redis', version: '8.0.0', rdbVersion: 0, needsNewest: false });
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'tool-missing') return `${error.message}; ${error.hint}`;
    throw error;
  }
}

function* fillingCommands(): Generator<string[]> {
  for (let index = 0; index < 2000; index++)
    yield ['SET', `page:${index}`, `a page that was asked for ${index * 7} times`];
  for (let index = 0; index < 200; index++) {
    yield ['SET', `session:${index}`, `user ${index}`, 'EX', '86400'];
    yield ['HSET', `user:${index}`, 'name', `user ${index}`, 'visits', String(index % 17)];
    yield ['ZADD', 'ranking', String((index * 31) % 101), `user:${index}`];
    yield ['RPUSH', 'queue', `order ${index}`];
    yield ['SADD', 'tags', `tag ${index % 40}`];
    yield ['XADD', 'events', '*', 'kind', 'visit', 'user', String(index)];
  }
  yield ['XGROUP', 'CREATE', 'events', 'mailer', '0'];
  yield ['PFADD', 'visitors', ...Array.from({ length: 100 }, (_, index) => `user ${index}`)];
  yield ['GEOADD', 'shops', '13.361389', '38.115556', 'Palermo', '15.087269', '37.502669', 'Catania'];
}
