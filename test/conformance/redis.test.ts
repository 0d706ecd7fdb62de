import { redisEngine } from '../../lib/engines/redis/redis-engine.ts';
import { type TestedServer, testedServers } from '../../scripts/servers/redis.ts';
import { fillWithEverything } from '../engines/redis/everything.ts';
import { contextFor, run, usedDatabases } from '../engines/redis/run-engine.ts';
import { redisServer } from '../servers/redis.ts';
import { engineSuite, type Subject } from './engine-suite.ts';

for (const which of testedServers) {
  for (const format of ['rdb', 'json', 'aof'] as const)
    engineSuite(`${which}, snapshot, ${format}`, () => redisSubject(which, format));
  engineSuite(`${which}, snapshot, rdb, key by key`, () => redisSubject(which, 'rdb', { transfer: 'keys' }));
}

async function redisSubject(
  which: TestedServer,
  format: 'rdb' | 'json' | 'aof',
  options: Record<string, unknown> = {},
): Promise<Subject> {
  const server = await redisServer(which);
  await fillWithEverything(server, which);
  // A copy goes to one database, so the source has one.
  await run(server, [['FLUSHDB']], 5);
  return {
    engine: redisEngine(),
    request: { method: 'snapshot', format },
    rows: Number(await server.ask('DBSIZE')),
    context: (more) => contextFor(server, { ...more, options }),
    source: 'server',
    copy: '3',
    changeCopy: () => run(server, [['LSET', 'long list', 4711, 'changed']], 3),
    list: () => usedDatabases(server),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
