import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { redisServer } from '../../servers/redis.ts';
import { capture, planned } from '../saved-streams.ts';
import { farAway } from './everything.ts';
import { contextFor, run, usedDatabases } from './run-engine.ts';

const engine = redisEngine();

test('a stream that was trimmed before its messages were acknowledged comes back in every format', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  await run(from, [
    ['XGROUP', 'CREATE', 'orders', 'workers', '0', 'MKSTREAM'],
    ['XADD', 'orders', '1-1', 'n', '1'],
    ['XADD', 'orders', '1-2', 'n', '2'],
    ['XADD', 'orders', '1-3', 'n', '3'],
    ['XREADGROUP', 'GROUP', 'workers', 'one', 'STREAMS', 'orders', '>'],
    ['XTRIM', 'orders', 'MAXLEN', '2'],
  ]);
  for (const format of ['rdb', 'json', 'aof'] as const) {
    await target.ask('FLUSHALL');
    using taking = contextFor(from);
    const all = await capture(engine, taking, { method: 'snapshot', format });
    using context = contextFor(target);

    const { restored } = await engine.restore(context, {
      streams: [planned(all.get('server'), 'server')],
      replace: false,
      source: {},
    });

    assert.deepEqual(
      restored[0]?.comparison.remarks,
      format === 'rdb'
        ? []
        : [
            'database 0, stream: 1 keys were counted, and not compared, since they lack pending entries',
            '1 pending entries of deleted messages were not restored: no command makes them',
          ],
    );
    const [pending] = (await target.ask('XPENDING', 'orders', 'workers')) as [number];
    assert.deepEqual([pending, await target.ask('XLEN', 'orders')], [format === 'rdb' ? 3 : 2, 2]);
  }
});

test('numbers as large as a server takes come back in every format and by every way', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  const largest = '9223372036854775807';
  await run(from, [
    ['SET', 'never', 'v'],
    ['PEXPIREAT', 'never', largest],
    ['SET', 'in three hundred thousand years', 'v'],
    ['EXPIREAT', 'in three hundred thousand years', '9999999999999'],
    ['XADD', 'stream', '1-1', 'n', '1'],
    ['XSETID', 'stream', '1-1', 'ENTRIESADDED', largest, 'MAXDELETEDID', '0-0'],
    ['XGROUP', 'CREATE', 'stream', 'all', '1-1', 'ENTRIESREAD', largest],
    ['XGROUP', 'CREATE', 'stream', 'some', '0'],
    ['XREADGROUP', 'GROUP', 'some', 'one', 'STREAMS', 'stream', '>'],
    ['XCLAIM', 'stream', 'some', 'two', '0', '1-1', 'RETRYCOUNT', largest, 'JUSTID'],
  ]);
  for (const format of ['rdb', 'json', 'aof'] as const)
    for (const transfer of ['replication', 'keys']) {
      await target.ask('FLUSHALL');
      using taking = contextFor(from, { options: { transfer } });
      const all = await capture(engine, taking, { method: 'snapshot', format });
      using context = contextFor(target);

      const { restored } = await engine.restore(context, {
        streams: [planned(all.get('server'), 'server')],
        replace: false,
        source: {},
      });

      assert.deepEqual(restored[0]?.comparison.remarks, [], `${format} by ${transfer}`);
      assert.equal(restored[0]?.comparison.itemsCompared, 3);
    }
});

test('keys that the server evicts while it is restored have not run out', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8', { maxmemory: '5mb', 'maxmemory-policy': 'volatile-lru' });
  await using session = await from.connect();
  await session.ask(['SET', 'gone by then', 'v', 'PX', 1]);
  await Promise.all(
    Array.from({ length: 20_000 }, (_, index) =>
      session.ask(['SET', `session ${index}`, 'x'.repeat(100), 'PXAT', farAway]),
    ),
  );
  using taking = contextFor(from);
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  const one = all.get('server') ?? assert.fail();
  // As of a backup that was taken while the first key lived.
  const expiries = { 'db0 string, expiring': { first: 1, last: farAway } };
  const old = { ...one, record: { ...one.record, facts: { ...one.record.facts, expiries } } };
  using context = contextFor(target);

  const restoring = engine.restore(context, { streams: [planned(old, 'server')], replace: false, source: {} });

  await assert.rejects(restoring, {
    code: 'comparison-failed',
    message: /database 0, string, expiring: \d+ keys, in the backup 20000$/,
  });
});

test('whoever writes to an empty database while it is restored keeps it', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  await run(from, [['SET', 'a', '1']]);
  using taking = contextFor(from);
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  using context = contextFor(target);
  const stream = planned(all.get('server'), 'server');
  async function* open() {
    await target.ask('SET', 'order', 'paid');
    yield* stream.open();
  }

  await assert.rejects(engine.restore(context, { streams: [{ ...stream, open }], replace: false, source: {} }), {
    code: 'target-not-empty',
    message: 'somebody wrote 1 keys to database 0 while it was restored',
  });

  assert.equal(String(await target.ask('GET', 'order')), 'paid');
  assert.deepEqual(await usedDatabases(target), ['0']);
});

test('whoever writes to the spare database while a restore fails keeps it', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  await run(from, [['SET', 'a', '1']]);
  using taking = contextFor(from);
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  using context = contextFor(target);
  const stream = planned(all.get('server'), 'server');
  async function* open() {
    await run(target, [['SET', 'job', 'queued']], 15);
    for await (const chunk of stream.open()) yield chunk.subarray(0, 20);
    throw new Error('the store went away');
  }

  await assert.rejects(engine.restore(context, { streams: [{ ...stream, open }], replace: false, source: {} }), {
    code: 'restore-failed',
    message: 'the restore failed, and database 15 has 1 keys, of which it made at most 0: nothing there was removed',
    cause: new Error('the store went away'),
  });

  assert.deepEqual(await usedDatabases(target), ['15']);
});

test('databases that the backup lacks stay when a server is replaced, and are named', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  await run(from, [['SET', 'a', '1']]);
  await run(target, [['SET', 'other', '1']], 7);
  using taking = contextFor(from);
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  using context = contextFor(target);

  const streams = [planned(all.get('server'), 'server')];
  const { restored } = await engine.restore(context, { streams, replace: true, source: {} });

  assert.deepEqual(restored[0]?.comparison.remarks, [
    'database 7 is not in the backup, and was left as it is: a comparison of the whole server names it',
  ]);
  assert.deepEqual(await usedDatabases(target), ['0', '7']);
});

test('a key that is to be replaced stays when the server refuses the new one, and goes when a large one comes', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('valkey');
  const large = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(1024 ** 2)}`);
  await run(from, [['RPUSH', 'list', ...large]]);
  await run(target, [
    ['RPUSH', 'list', 'old'],
    ['SET', 'vectors', 'the only copy'],
  ]);
  const merge = async () => {
    using taking = contextFor(from);
    const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
    using context = contextFor(target);
    const streams = [planned(all.get('server'), 'server')];
    return await engine.restore(context, { streams, replace: false, onConflict: 'replace', source: {} });
  };

  await merge();
  await run(from, [
    ['DEL', 'list'],
    ['VADD', 'vectors', 'VALUES', 2, 1, 2, 'a'],
  ]);
  await assert.rejects(merge(), {
    code: 'restore-failed',
    hint: 'what was restored until then stays; the same command goes over it again',
  });

  assert.equal(await target.ask('LLEN', 'list'), 40);
  assert.equal(String(await target.ask('GET', 'vectors')), 'the only copy');
});

test('a server that has no database of that number is told before anything is loaded', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8', { databases: '4' });
  await run(from, [['SET', 'key', 'value']], 5);
  using taking = contextFor(from);
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  using context = contextFor(target);
  const restore = (as: string) =>
    engine.restore(context, { streams: [planned(all.get('server'), as)], replace: false, source: {} });

  for (const as of ['server', '99'])
    await assert.rejects(restore(as), {
      code: 'preflight-failed',
      message: `the server has no database ${as === '99' ? 99 : 5}: ERR DB index is out of range`,
    });
  await restore('3');

  assert.deepEqual(await usedDatabases(target), ['3']);
});
