import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { slotOf } from '../../../lib/engines/redis/source/shards.ts';
import { type RedisServer, redisServer } from '../../servers/redis.ts';
import { type RedisCluster, redisCluster } from '../../servers/redis-cluster.ts';
import { capture, planned, type Saved, save } from '../saved-streams.ts';
import { contextFor, run } from './run-engine.ts';

const engine = redisEngine();
const keys = Array.from({ length: 3000 }, (_, index) =>
  index % 10 === 0 ? `{tag ${index % 7}}:${index}` : `key ${index}`,
);

let source: RedisCluster;
let target: RedisCluster;

before(async () => {
  [source, target] = await Promise.all([redisCluster('redis-8'), redisCluster('redis-8')]);
  for (const key of keys) {
    const node = await nodeOf(source, key);
    const expiry = key.length % 2 === 0 ? ['PXAT', '1999999999999'] : [];
    await node.ask(['SET', key, `value of ${key}`, ...expiry]);
  }
  await Promise.all(
    source.nodes.map((node) =>
      node.ask('FUNCTION', 'LOAD', "#!lua name=shared\nredis.register_function('one', function() return 1 end)"),
    ),
  );
});
after(async () => {
  await Promise.all([...sessions.values()].map(async (session) => (await session)[Symbol.asyncDispose]()));
  await source?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

const sessions = new Map<RedisServer, ReturnType<RedisServer['connect']>>();

/** A session on the node that serves the key's slot, as the cluster's own answer says. */
async function nodeOf(cluster: RedisCluster, key: string) {
  const third = Math.min(2, Math.floor((slotOf(Buffer.from(key)) * 3) / 16_384));
  // redis-cli gives slots to nodes in the order in which they were named.
  for (const node of [cluster.nodes[third], ...cluster.nodes]) {
    if (!node) continue;
    const session = sessions.get(node) ?? node.connect();
    sessions.set(node, session);
    const isServed = await (await session).ask(['EXISTS', key]).then(
      () => true,
      () => false,
    );
    if (isServed) return session;
  }
  return assert.fail('no node serves the key');
}

const node = (cluster: RedisCluster): RedisServer => cluster.nodes[0] ?? assert.fail('the cluster has no node');
const sizes = (cluster: RedisCluster) => Promise.all(cluster.nodes.map((one) => one.ask('DBSIZE')));
const total = async (cluster: RedisCluster) =>
  (await sizes(cluster)).reduce<number>((sum, size) => sum + Number(size), 0);

async function saved(
  format: 'rdb' | 'json' | 'aof' = 'rdb',
  options: Record<string, unknown> = {},
): Promise<Map<string, Saved>> {
  using context = contextFor(node(source), { options });
  return capture(engine, context, { method: 'snapshot', format });
}

const streamsOf = (all: ReadonlyMap<string, Saved>) => [...all].map(([name, one]) => planned(one, name));

async function emptied(cluster: RedisCluster): Promise<void> {
  for (const one of cluster.nodes) await one.ask('FLUSHALL');
}

test('a slot is that of the server, for names with and without a tag', async () => {
  for (const key of ['', 'a', '{}a', '{tag}', 'x{tag}y', '{}{tag}', 'x{{tag}}', 'ü€', 'key 4711', 'foo{}{bar}'])
    assert.equal(slotOf(Buffer.from(key)), await node(source).ask('CLUSTER', 'KEYSLOT', key), key);
});

test('each shard is a stream of its own, with the slots that it serves', async () => {
  const all = await saved();

  const records = [...all.values()].map(({ record }) => record);
  const slots = records
    .flatMap(({ facts }) => facts['slots'] as [number, number][])
    .sort(([one], [other]) => one - other);
  assert.deepEqual(
    records.map(({ status, kind }) => [status, kind]),
    [
      ['complete', 'shard'],
      ['complete', 'shard'],
      ['complete', 'shard'],
    ],
  );
  assert.deepEqual(slots, [
    [0, 5460],
    [5461, 10_922],
    [10_923, 16_383],
  ]);
  assert.equal(
    records.flatMap(({ content }) => content?.tables ?? []).reduce((sum, { rows }) => sum + rows, 0),
    3000,
  );
  using context = contextFor(node(source));
  for (const record of records) assert.deepEqual((await engine.compare(context, record, record.name)).differences, []);
});

for (const format of ['rdb', 'json', 'aof'] as const) {
  test(`${format}: a cluster comes back into another, key by key to the shard that serves it`, async () => {
    await emptied(target);
    const all = await saved(format);
    using context = contextFor(node(target));

    const { restored } = await engine.restore(context, { streams: streamsOf(all), replace: false, source: {} });

    assert.deepEqual(
      restored.map(({ comparison }) => comparison.differences),
      [[], [], []],
    );
    assert.deepEqual(
      restored.map(({ comparison }) => comparison.itemsCompared),
      [...all.values()].map(({ record }) => record.content?.tables.reduce((sum, { rows }) => sum + rows, 0)),
      'each shard is said to have its own keys',
    );
    assert.equal(await total(target), 3000);
    assert.equal(await node(target).ask('FCALL', 'one', '0'), 1);
    for (const [name, { record }] of all) assert.equal((await engine.compare(context, record, name)).same, true);
  });
}

test('a cluster that has keys is refused, emptied when told so, and merged into', async () => {
  using context = contextFor(node(target));
  const all = await saved();
  const plan = (more: object) =>
    engine.restore(context, { streams: streamsOf(all), replace: false, source: {}, ...more });
  await emptied(target);
  const mine = await nodeOf(target, 'mine');
  await mine.ask(['SET', 'mine', '1']);
  const there = await nodeOf(target, 'key 1');
  await there.ask(['SET', 'key 1', 'old']);

  await assert.rejects(plan({}), { code: 'target-not-empty' });
  await assert.rejects(plan({ onConflict: 'fail' }), { code: 'target-not-empty' });
  const before = await total(target);
  await plan({ onConflict: 'skip' });
  const skipped = [await total(target), String(await there.ask(['GET', 'key 1']))];
  const [first, ...others] = streamsOf(all);
  assert.ok(first);
  async function* cut() {
    const chunks = await Array.fromAsync((first as NonNullable<typeof first>).open());
    const whole = Buffer.concat(chunks);
    yield whole.subarray(0, whole.length - 9);
  }
  const damaged = plan({ replace: true, streams: [...others, { ...first, open: cut }] });
  await assert.rejects(damaged, (error: { code?: unknown }) =>
    ['corrupt', 'dump-incomplete'].includes(String(error.code)),
  );
  const kept = await total(target);
  await plan({ replace: true });

  // There is no safety copy in a cluster, so what replaces its keys is read to its end before they go.
  assert.equal(kept, 3001);
  assert.equal(before, 2);
  assert.deepEqual(skipped, [3001, 'old']);
  assert.equal(await total(target), 3000);
});

test('shards come together in one server, and a server’s keys spread over a cluster', async () => {
  await using single = await redisServer('redis-8');
  await emptied(target);
  const all = await saved();
  using intoOne = contextFor(single);

  const { restored } = await engine.restore(intoOne, { streams: streamsOf(all), replace: false, source: {} });
  const whole = await capture(engine, intoOne, { method: 'snapshot', format: 'rdb' });
  using back = contextFor(node(target));
  const spread = await engine.restore(back, { streams: streamsOf(whole), replace: false, source: {} });

  assert.deepEqual(
    restored.map(({ comparison }) => comparison.differences),
    [[], [], []],
  );
  assert.equal(await single.ask('DBSIZE'), 3000);
  assert.deepEqual(spread.restored[0]?.comparison.differences, []);
  assert.equal(await total(target), 3000);
});

test('key by key, each shard is asked for its own', async () => {
  const all = await saved('rdb', { transfer: 'keys' });
  const replicated = await saved();

  for (const [name, { record }] of all)
    assert.deepEqual(record.content?.tables, replicated.get(name)?.record.content?.tables);
});

test('a restore that breaks off leaves an empty cluster empty', async () => {
  await emptied(target);
  const all = await saved();
  using context = contextFor(node(target));
  const streams = streamsOf(all).map((stream, index) => ({
    ...stream,
    async *open() {
      for await (const chunk of stream.open()) {
        if (index === 1) throw new RangeError('the store went away');
        yield chunk;
      }
    },
  }));

  await assert.rejects(engine.restore(context, { streams, replace: false, source: {} }), RangeError);

  assert.equal(await total(target), 0);
});

type Move = { readonly slot: string; readonly from: RedisServer; readonly to: RedisServer };

/** Opens a slot at both ends, and takes the keys in it over; it is still the first one's. */
async function beginMove({ slot, from, to }: Move): Promise<void> {
  await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await from.ask('CLUSTER', 'MYID')));
  await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(await to.ask('CLUSTER', 'MYID')));
  const found = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as Buffer[];
  if (found.length > 0) await from.ask('MIGRATE', to.host, String(to.port), '', '0', '5000', 'KEYS', ...found);
}

/** Says at both ends whose the slot is now. */
async function giveSlot({ slot, from, to }: Move): Promise<void> {
  const owner = String(await to.ask('CLUSTER', 'MYID'));
  for (const one of [to, from]) await one.ask('CLUSTER', 'SETSLOT', slot, 'NODE', owner);
}

test('keys whose slot moves between the snapshots of two shards do not go missing in silence', async () => {
  const [first, , last] = source.nodes;
  assert.ok(first && last);
  const key = keys.find((one) => slotOf(Buffer.from(one)) > 11_000) ?? assert.fail();
  const slot = String(slotOf(Buffer.from(key)));
  const [there, back] = [
    { slot, from: last, to: first },
    { slot, from: first, to: last },
  ];
  const captured = async (move: () => Promise<void>): Promise<readonly unknown[]> => {
    using context = contextFor(first);
    const opened = await engine.capture(context, { method: 'snapshot', format: 'rdb' });
    const all: Saved[] = [];
    for (const stream of opened.streams) {
      all.push(await save(stream));
      if (all.length === 1) await move();
    }
    await opened.end();
    return all.map(({ record }) => record.error?.code ?? record.status);
  };

  const onTheWay = await captured(() => beginMove(there));
  await giveSlot(there);
  const moved = await captured(async () => {
    await beginMove(back);
    await giveSlot(back);
  });
  const quiet = await captured(async () => {});

  assert.deepEqual(onTheWay, ['complete', 'complete', 'source-busy']);
  assert.deepEqual([moved[0], moved[2]], ['complete', 'source-busy']);
  assert.deepEqual(quiet, ['complete', 'complete', 'complete']);
  assert.equal(await total(source), 3000);
});

test('a user who may not ask for slots on their way backs up all the same, and the probe says what it lacks', async () => {
  const rights = '-@all +psync +replconf +info +ping +client|setname +cluster|slots +acl|whoami +acl|dryrun'.split(' ');
  for (const one of source.nodes) await one.ask('ACL', 'SETUSER', 'backup', 'on', '>pw', ...rights);
  using context = contextFor(node(source), { connection: { user: 'backup', password: 'pw' } });

  const all = await capture(engine, context, { method: 'snapshot', format: 'rdb' });
  const { findings } = await engine.probe(context);
  for (const one of source.nodes) await one.ask('ACL', 'DELUSER', 'backup');

  assert.deepEqual(
    [...all.values()].map(({ record }) => record.status),
    ['complete', 'complete', 'complete'],
  );
  assert.deepEqual(
    findings.map(({ fix }) => fix),
    ["allow it '+cluster|nodes'"],
  );
});

test('each node of a cluster needs room for its part of the backup, and no more', async () => {
  const all = await saved();
  const large = new Map([...all].map(([name, one]) => [name, withBytes(one, 40 * 1024 ** 2)]));
  await emptied(target);
  using context = contextFor(node(target));
  const restore = () => engine.restore(context, { streams: streamsOf(large), replace: false, source: {} });
  const limit = (bytes: string) => Promise.all(target.nodes.map((one) => one.ask('CONFIG', 'SET', 'maxmemory', bytes)));
  try {
    await limit('40mb');
    await assert.rejects(restore(), { code: 'preflight-failed' });
    await limit('80mb');
    await restore();
  } finally {
    await limit('0');
  }

  assert.equal(await total(target), 3000);
});

/** As if its strings had so many bytes, which are no part of a digest. */
const withBytes = ({ record, bytes }: Saved, size: number): Saved => ({
  bytes,
  record: {
    ...record,
    content: {
      ...record.content,
      tables: (record.content?.tables ?? []).map((table) => ({ ...table, bytes: size / 2 })),
    },
  },
});

test('ACL users are made on every primary of a cluster', async () => {
  await node(source).ask('ACL', 'SETUSER', 'app', 'on', '>secret', '~app:*', '+@read');
  await emptied(target);
  const all = await saved('rdb', { acl: true });
  using context = contextFor(node(target), { options: { acl: true } });

  const { restored } = await engine.restore(context, { streams: streamsOf(all), replace: false, source: {} });

  for (const one of target.nodes) assert.deepEqual(String(await one.ask('ACL', 'USERS')), 'app,default');
  assert.deepEqual(restored[0]?.comparison.remarks, [
    "user 'default' was left as it is",
    'ACL users were made on every primary; replicas have users of their own',
    "ACL users are in the server's memory: ACL SAVE, or CONFIG REWRITE where there is no ACL file, makes them outlive a restart",
  ]);
});

test('a cluster of several databases is read whole, and is no empty one when database 0 is', async () => {
  await using several = await redisCluster('valkey', { 'cluster-databases': '16' });
  await using single = await redisServer('valkey');
  const key = 'in another database';
  const owner = several.nodes[Math.min(2, Math.floor((slotOf(Buffer.from(key)) * 3) / 16_384))] ?? assert.fail();
  await run(owner, [['SET', key, 'value']], 5);
  await single.ask('SET', 'one', 'value');
  const databases = async (transfer: string) => {
    using context = contextFor(node(several), { options: { transfer } });
    const all = await capture(engine, context, { method: 'snapshot', format: 'rdb' });
    return [...all.values()].flatMap(({ record }) => record.content?.tables ?? []).map(({ schema }) => schema);
  };
  using from = contextFor(single);
  const all = await capture(engine, from, { method: 'snapshot', format: 'rdb' });
  using context = contextFor(node(several));
  const plan = { streams: streamsOf(all), replace: false, source: {} };

  assert.deepEqual(await databases('replication'), ['db5']);
  assert.deepEqual(await databases('keys'), ['db5']);
  await assert.rejects(engine.restore(context, plan), { code: 'target-not-empty', message: 'the cluster has 1 keys' });
  await assert.rejects(engine.restore(context, { ...plan, cutOver: false }), { code: 'target-not-empty' });
  assert.match(String(await owner.ask('INFO', 'keyspace')), /db5:keys=1/);
});
