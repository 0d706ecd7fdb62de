import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandAssertion } from '../../../lib/core/assertions.ts';
import type { RestoreTestPlan } from '../../../lib/engines/engine.ts';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { findServerProgram } from '../../../lib/engines/redis/server-program.ts';
import { ensureRedis } from '../../../scripts/servers/redis.ts';
import { type RedisServer, redisServer } from '../../servers/redis.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { fillWithEverything } from './everything.ts';
import { contextFor } from './run-engine.ts';

const engine = redisEngine();
let source: RedisServer;
let manifestSource: Record<string, unknown>;
let saved: Map<string, Saved>;

before(async () => {
  const folders = await Promise.all((['redis-8', 'redis-7.0'] as const).map((which) => ensureRedis(which, () => {})));
  process.env['HOLDFAST_REDIS_BIN'] = folders.map(({ server }) => path.dirname(server)).join(path.delimiter);
  source = await redisServer('redis-8');
  await fillWithEverything(source, 'redis-8');
  using context = contextFor(source);
  const opened = await engine.capture(context, { method: 'snapshot', format: 'rdb' });
  manifestSource = { ...opened.source };
  saved = await capture(engine, context, { method: 'snapshot', format: 'rdb' });
});
after(() => source?.[Symbol.asyncDispose]());

async function tested(more: Partial<RestoreTestPlan> = {}) {
  using context = contextFor(source);
  const { connection: _, ...rest } = context;
  let restoredAt = 0;
  const result = await engine.restoreTest(rest, {
    source: manifestSource as RestoreTestPlan['source'],
    streams: [planned(saved.get('server'), 'server')],
    options: {},
    assertions: [],
    assertionTimeoutSeconds: 10,
    onRestored: () => restoredAt++,
    ...more,
  });
  assert.equal(restoredAt, 1);
  return result;
}

const assertion = (
  command: readonly string[],
  expect: CommandAssertion['expect'],
  database = '0',
): CommandAssertion => ({
  name: command.join(' '),
  database,
  command: [...command],
  expect,
});

const runningServers = (): number =>
  execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /unixsocket:.*holdfast-test-|holdfast-test-.*redis\.sock/.test(line)).length;

test('a backup is restored into a server of its own kind, compared, asked, and the server is gone afterwards', async () => {
  const result = await tested({
    assertions: [
      assertion(['LLEN', 'long list'], { equals: 5000 }),
      assertion(['HGET', 'hash', 'field'], { equals: 'value' }),
      assertion(['GET', 'elsewhere'], { equals: 'value' }, '5'),
      assertion(['SMEMBERS', 'integers'], { rowCount: 3 }),
      assertion(['DBSIZE'], { min: 30 }),
    ],
  });

  assert.deepEqual([result.server, result.serverVersion.split('.')[0]], ['Redis', '8']);
  assert.deepEqual(result.problems, []);
  assert.deepEqual(
    result.restored.map(({ comparison }) => [comparison.same, comparison.itemsCompared]),
    [[true, 35]],
  );
  assert.equal(runningServers(), 0);
});

test('what does not hold, changes something or is no command is a problem by its name', async () => {
  const { problems } = await tested({
    assertions: [
      assertion(['GET', 'plain'], { equals: 'another' }),
      assertion(['SET', 'plain', 'changed'], { equals: 'OK' }),
      assertion(['FLUSHALL'], { equals: 'OK' }),
      assertion(['NONSENSE'], { equals: 1 }),
      assertion(['GET', 'plain'], { equals: 'value' }),
    ],
  });

  assert.deepEqual(
    problems.map(({ code }) => code),
    ['assertion-failed', 'assertion-failed', 'assertion-failed', 'assertion-failed'],
  );
  assert.match(problems[0]?.message ?? '', /'GET plain': expected 'another', found 'value'/);
  assert.match(problems[1]?.message ?? '', /could not be asked: NOPERM/);
});

test('a backup that was damaged fails the test with what is wrong', async () => {
  const one = saved.get('server') ?? assert.fail();
  const damaged = Buffer.from(one.bytes);
  damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;

  await assert.rejects(tested({ streams: [planned({ ...one, bytes: damaged }, 'server')] }), { code: 'corrupt' });

  assert.equal(runningServers(), 0);
});

test('of the servers at hand the one most like the source is taken, and none that could not read it', () => {
  const find = (product: string, version: string, rdbVersion: number, needsNewest = true) => {
    const { product: found, major } = findServerProgram(
      { product, version, rdbVersion, needsNewest },
      (process.env['HOLDFAST_REDIS_BIN'] ?? '').split(path.delimiter),
    );
    return `${found} ${major}`;
  };

  assert.equal(find('Redis', '6.2.1', 9), 'Redis 7');
  assert.equal(find('Redis', '7.2.4', 11), 'Redis 8');
  assert.equal(find('Redis', '8.0.1', 12), 'Redis 8');
  assert.equal(find('Valkey', '8.1.0', 11), 'Redis 8');
  assert.equal(find('Valkey', '9.0.0', 80, false), 'Redis 8');
  assert.throws(() => find('Valkey', '9.0.0', 80), { code: 'tool-missing', message: /there is Redis 8.*, Redis 7\.0/ });
});
