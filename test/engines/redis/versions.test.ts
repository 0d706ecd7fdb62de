import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { type TestedServer, testedServers } from '../../../scripts/servers/redis.ts';
import { redisServer } from '../../servers/redis.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { fillWithEverything } from './everything.ts';
import { contextFor, run, usedDatabases } from './run-engine.ts';

const engine = redisEngine();

/** What every version has: without functions, fields that run out, and consumers that never read. */
async function saved(which: TestedServer, forget: readonly string[]): Promise<Saved> {
  await using source = await redisServer(which);
  await fillWithEverything(source, which);
  await run(source, [...forget.map((key) => ['DEL', key]), ...(which === 'redis-6.0' ? [] : [['FUNCTION', 'FLUSH']])]);
  using context = contextFor(source);
  return (await capture(engine, context, { method: 'snapshot', format: 'rdb' })).get('server') ?? assert.fail();
}

async function restored(one: Saved, into: TestedServer) {
  await using target = await redisServer(into);
  using context = contextFor(target);
  const result = await engine
    .restore(context, { streams: [planned(one, 'server')], replace: false, source: {} })
    .catch((error: { readonly code: string }) => error.code);
  return { result, used: await usedDatabases(target) };
}

for (const from of testedServers) {
  test(`what ${from} wrote comes back into every other server, older ones too`, async () => {
    const one = await saved(from, ['running out', 'large running out']);
    for (const into of testedServers) {
      const { result } = await restored(one, into);
      assert.ok(typeof result === 'object', `into ${into}: ${JSON.stringify(result)}`);
      assert.deepEqual([into, result.restored[0]?.comparison.differences], [into, []]);
    }
  });
}

test('fields that run out are refused by a server that would forget when, and nothing is left there', async () => {
  for (const from of ['redis-8', 'valkey'] as const) {
    const one = await saved(from, []);
    for (const into of ['redis-6.0', 'redis-7.0'] as const)
      assert.deepEqual([from, into, await restored(one, into)], [from, into, { result: 'restore-failed', used: [] }]);
    for (const into of ['redis-8', 'valkey'] as const)
      assert.equal(typeof (await restored(one, into)).result, 'object');
  }
});

test('values of modules come back from RDB and JSON, and are refused by name where they cannot be written', async () => {
  await using source = await redisServer('redis-8');
  await run(source, [
    ['VADD', 'vectors', 'VALUES', '3', '0.1', '0.2', '0.3', 'one'],
    ['SET', 'plain', '1'],
  ]);
  using context = contextFor(source);
  for (const format of ['rdb', 'json'] as const) {
    await using target = await redisServer('redis-8');
    using into = contextFor(target);
    const one = (await capture(engine, context, { method: 'snapshot', format })).get('server') ?? assert.fail();

    const { restored: parts } = await engine.restore(into, {
      streams: [planned(one, 'server')],
      replace: false,
      source: {},
    });

    assert.deepEqual(
      one.record.content?.tables.map(({ name, rows }) => [name, rows]),
      [
        ['module vectorset', 1],
        ['string', 1],
      ],
    );
    assert.deepEqual(parts[0]?.comparison.differences, []);
    assert.equal(await target.ask('VCARD', 'vectors'), 1);
  }

  const commands = (await capture(engine, context, { method: 'snapshot', format: 'aof' })).get('server');

  assert.deepEqual([commands?.record.status, commands?.record.error?.code], ['failed', 'dump-failed']);
  assert.match(commands?.record.error?.message ?? '', /'vectorset'/);
});
