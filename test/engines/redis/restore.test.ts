import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { RestorePlan } from '../../../lib/engines/engine.ts';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { type RedisServer, redisServer } from '../../servers/redis.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { fillWithEverything } from './everything.ts';
import { contextFor, run, usedDatabases } from './run-engine.ts';

const engine = redisEngine();
let source: RedisServer;

before(async () => {
  source = await redisServer('redis-8');
  await fillWithEverything(source, 'redis-8');
});
after(() => source?.[Symbol.asyncDispose]());

async function saved(server: RedisServer, format: 'rdb' | 'json' | 'aof' = 'rdb'): Promise<Saved> {
  using context = contextFor(server);
  const all = await capture(engine, context, { method: 'snapshot', format });
  return all.get('server') ?? assert.fail('nothing was captured');
}

async function restore(server: RedisServer, one: Saved, plan: Partial<RestorePlan> & { readonly as?: string } = {}) {
  using context = contextFor(server);
  const { as = 'server', ...rest } = plan;
  const { restored } = await engine.restore(context, {
    streams: [planned(one, as)],
    replace: false,
    source: {},
    ...rest,
  });
  return restored[0]?.comparison ?? assert.fail('nothing was restored');
}

test('all databases come back under their own numbers, with functions', async () => {
  await using target = await redisServer('redis-8');
  const one = await saved(source);

  const comparison = await restore(target, one);
  using context = contextFor(target);
  const again = await engine.compare(context, one.record, 'server');

  assert.deepEqual(comparison.differences, []);
  assert.deepEqual(await usedDatabases(target), ['0', '5']);
  assert.deepEqual([again.same, again.itemsCompared], [true, 35]);
  assert.equal(await target.ask('FCALL', 'answer', '0'), 42);
});

test('of several databases one is chosen, and goes where it is told', async () => {
  await using target = await redisServer('redis-8');
  const one = await saved(source);
  const selection = { schemas: ['db5'], tables: [], paths: [], withDependencies: false };

  await assert.rejects(restore(target, one, { as: '9' }), { code: 'usage', hint: 'name one with --schema: db0, db5' });
  const comparison = await restore(target, one, { as: '9', selection });

  assert.deepEqual([comparison.same, comparison.itemsCompared], [true, 1]);
  assert.deepEqual(await usedDatabases(target), ['9']);
});

test('a database that has keys is never touched without a word for it', async () => {
  await using target = await redisServer('redis-8');
  await run(target, [['SET', 'mine', '1']]);

  await assert.rejects(restore(target, await saved(source)), { code: 'target-not-empty' });

  assert.deepEqual(await usedDatabases(target), ['0']);
  assert.equal(await target.ask('DBSIZE'), 1);
});

test('merged, a key that is there fails it before anything is written, or is left, or replaced', async () => {
  const merge = async (onConflict: 'fail' | 'skip' | 'replace') => {
    await using target = await redisServer('redis-8');
    await run(target, [
      ['SET', 'mine', 'stays'],
      ['SET', 'plain', 'old'],
      ['RPUSH', 'hash', 'a list of old'],
    ]);
    const result = await restore(target, await saved(source), { onConflict }).catch((error: unknown) => error);
    const values = [
      await target.ask('GET', 'mine'),
      await target.ask('GET', 'plain'),
      await target.ask('TYPE', 'hash'),
    ];
    return { result, values: values.map(String), keys: await target.ask('DBSIZE') };
  };

  const failed = await merge('fail');
  const skipped = await merge('skip');
  const replaced = await merge('replace');

  assert.equal((failed.result as { code?: unknown }).code, 'target-not-empty');
  assert.deepEqual([failed.values, failed.keys], [['stays', 'old', 'list'], 3]);
  assert.deepEqual([skipped.values, skipped.keys], [['stays', 'old', 'list'], 35]);
  assert.match(String((skipped.result as { remarks?: unknown }).remarks), /2 keys were there already, and were left/);
  assert.deepEqual([replaced.values, replaced.keys], [['stays', 'value', 'hash'], 35]);
  assert.match(
    String((replaced.result as { remarks?: unknown }).remarks),
    /2 keys were there already, and were replaced/,
  );
});

test('merged, a key whose time has run out neither replaces one that is there nor is in its way, in every format', async () => {
  await using from = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  await run(from, [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['SET', 'stays', '1'],
    ['SET', 'goes', '1', 'PX', '1'],
  ]);
  for (const format of ['rdb', 'json', 'aof'] as const) {
    await using target = await redisServer('redis-8');
    await run(target, [['SET', 'goes', 'mine']]);
    const one = await saved(from, format);

    const failing = await restore(target, one, { onConflict: 'fail' });
    const replacing = await restore(target, one, { onConflict: 'replace' });

    assert.deepEqual([failing.same, failing.itemsCompared], [true, 1]);
    assert.match(String(failing.remarks), /the server took every key .*1 keys have run out since the backup/);
    assert.match(String(replacing.remarks), /1 keys have run out .*1 keys were there already, and were replaced/);
    assert.equal(String(await target.ask('GET', 'goes')), 'mine');
  }
});

test('merging works from commands and from JSON as well', async () => {
  for (const format of ['json', 'aof'] as const) {
    await using target = await redisServer('redis-8');
    await run(target, [['RPUSH', 'long list', 'old']]);

    await restore(target, await saved(source, format), { onConflict: 'replace' });

    assert.equal(await target.ask('LLEN', 'long list'), 5000);
    assert.equal(await target.ask('DBSIZE'), 34);
  }
});

test('keys whose time has run out are dropped and counted, in every format, and the copy is the same', async () => {
  await using from = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  // Without this the server would drop them itself before they are captured.
  await run(from, [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['SET', 'stays', '1'],
    ['SET', 'goes', '1', 'PX', '1'],
    ['RPUSH', 'goes too', ...Array.from({ length: 3 }, String)],
    ['PEXPIRE', 'goes too', '1'],
  ]);
  for (const format of ['rdb', 'json', 'aof'] as const) {
    await using target = await redisServer('redis-8');
    const one = await saved(from, format);

    const comparison = await restore(target, one);

    assert.equal(comparison.same, true);
    assert.equal(
      one.record.content?.tables.reduce((sum, { rows }) => sum + rows, 0),
      3,
    );
    assert.equal(await target.ask('DBSIZE'), 1);
    assert.match(String(comparison.remarks), /2 keys have run out since the backup/);
  }
});

test("with comparison 'loaded' all keys have to have come, whether or not they are read back", async () => {
  const one = await saved(source);
  const [first, ...others] = one.record.content?.tables ?? [];
  assert.ok(first);
  const tables = [{ ...first, rows: first.rows + 1 }, ...others];
  const boastful = { ...one, record: { ...one.record, content: { ...one.record.content, tables } } };
  await using target = await redisServer('redis-8');

  await assert.rejects(restore(target, boastful, { comparison: 'loaded' }), {
    code: 'comparison-failed',
    message: 'the restored copy differs from the backup: 35 keys came out of the backup, which has 36',
  });
  await target.ask('FLUSHALL');
  const merged = await restore(target, boastful, { onConflict: 'skip' });
  const loaded = await restore(target, one, { comparison: 'loaded', replace: true });

  assert.deepEqual([merged.same, merged.proof], [false, 'loaded']);
  assert.deepEqual([loaded.same, loaded.proof, loaded.itemsCompared], [true, 'loaded', 35]);
});

test('what replaces a database that is live is loaded aside and swapped in; the old keys go when it is in place', async () => {
  await using target = await redisServer('redis-8');
  await run(target, [['SET', 'old', '1']]);
  const one = await saved(source);

  const comparison = await restore(target, one, { replace: true });

  assert.equal(comparison.same, true);
  assert.match(String(comparison.remarks), /1 keys of before were removed/);
  assert.deepEqual(await usedDatabases(target), ['0', '5']);
  assert.equal(await target.ask('EXISTS', 'old'), 0);
});

test('without a spare database nothing that is live is replaced, and an empty one is filled', async () => {
  await using target = await redisServer('redis-8', { databases: '6' });
  const one = await saved(source);
  for (const database of [1, 2, 3, 4]) await run(target, [['SET', 'busy', '1']], database);

  const comparison = await restore(target, one);
  await assert.rejects(restore(target, one, { replace: true }), { code: 'preflight-failed' });

  assert.equal(comparison.same, true);
  assert.equal(await target.ask('DBSIZE'), 34);
});

test('a rehearsal restores and compares beside a live database, and leaves nothing', async () => {
  await using target = await redisServer('redis-8');
  await run(target, [['SET', 'live', '1']]);

  const comparison = await restore(target, await saved(source), { cutOver: false });

  assert.deepEqual([comparison.same, comparison.itemsCompared], [true, 35]);
  assert.deepEqual(await usedDatabases(target), ['0']);
  assert.equal(await target.ask('DBSIZE'), 1);
});

test('a server that could not hold it, or takes no writes, is told before anything is sent', async () => {
  await using small = await redisServer('redis-8', { maxmemory: '2mb' });
  await using replica = await redisServer('redis-8', { replicaof: `127.0.0.1 ${source.port}` });
  await using big = await redisServer('redis-8');
  await run(big, [['SET', 'large', 'x'.repeat(3_000_000)]]);

  await assert.rejects(restore(small, await saved(big)), { code: 'preflight-failed', message: /maxmemory is 2 MiB/ });
  await assert.rejects(restore(replica, await saved(source), { replace: true }), {
    code: 'preflight-failed',
    message: /replica/,
  });
});

test('into a server with an append-only file, what was restored is in it and outlives a restart', async () => {
  await using target = await redisServer('redis-8', { appendonly: 'yes', appendfsync: 'always' });

  const comparison = await restore(target, await saved(source));
  await target.kill();
  await target.start();
  using context = contextFor(target);
  const again = await engine.compare(context, (await saved(source)).record, 'server');

  assert.match(String(comparison.remarks), /append-only file; what was restored is in it/);
  assert.deepEqual(again.differences, []);
});

test('a value that is too large for one command comes back by many', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  const element = 'x'.repeat(9000);
  for (let index = 0; index < 20; index++)
    await run(from, [['RPUSH', 'huge', ...Array.from({ length: 100 }, (_, place) => `${index} ${place} ${element}`)]]);
  await run(from, [['CONFIG', 'SET', 'rdbcompression', 'no']]);

  const comparison = await restore(target, await saved(from));

  assert.equal(comparison.same, true);
  assert.equal(await target.ask('LLEN', 'huge'), 2000);
});

test('functions that are there with other code are not replaced unawares', async () => {
  await using target = await redisServer('redis-8');
  const other = "#!lua name=everything\nredis.register_function('answer', function() return 41 end)";
  await target.ask('FUNCTION', 'LOAD', other);
  const one = await saved(source);

  await assert.rejects(restore(target, one), { code: 'target-not-empty', message: /'everything'/ });
  const before = await usedDatabases(target);
  await restore(target, one, { replace: true });

  assert.deepEqual(before, []);
  assert.equal(await target.ask('FCALL', 'answer', '0'), 42);
});

test('ACL users come along when both sides say so, passwords as hashes', async () => {
  await using from = await redisServer('redis-8');
  await using target = await redisServer('redis-8');
  await run(from, [
    ['ACL', 'SETUSER', 'app', 'on', '>secret', '~app:*', '+@read', '(~other:* +get)', '(~(o)d(d)* +set)'],
  ]);
  using taking = contextFor(from, { options: { acl: true } });
  const all = await capture(engine, taking, { method: 'snapshot', format: 'rdb' });
  const streams = () => [planned(all.get('acl'), 'acl'), planned(all.get('server'), 'server')];

  using silent = contextFor(target);
  const first = await engine.restore(silent, { streams: streams(), replace: false, source: {} });
  const users = await target.ask('ACL', 'USERS');
  using asking = contextFor(target, { options: { acl: true } });
  const second = await engine.restore(asking, { streams: streams(), replace: true, source: {} });

  assert.match(String(first.restored[0]?.comparison.remarks), /ACL users were not restored/);
  assert.deepEqual(String(users), 'default');
  assert.match(String(second.restored[0]?.comparison.remarks), /user 'default' was left as it is/);
  assert.doesNotMatch(String(all.get('acl')?.bytes), /secret/);
  await using app = await target.connect({ user: 'app', password: 'secret' });
  await assert.rejects(app.ask(['SET', 'app:1', 'x']), { kind: 'NOPERM' });
});

test('a restore that is killed halfway leaves the live database as it was, and the next one succeeds', async () => {
  await using target = await redisServer('redis-8');
  await using from = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  await run(target, [['SET', 'live', '1']]);
  await run(from, [['DEBUG', 'POPULATE', '10000']]);
  const one = await saved(from);
  const [recordFile, bytesFile] = [path.join(target.folder, 'record.json'), path.join(target.folder, 'bytes')];
  await writeFile(recordFile, JSON.stringify(one.record));
  await writeFile(bytesFile, one.bytes);

  const program = path.join(import.meta.dirname, 'restore-and-die.ts');
  const child = spawn(process.execPath, [program, String(target.port), recordFile, bytesFile], { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit');
  const after = [
    await target.ask('DBSIZE'),
    await target.ask('EXISTS', 'live'),
    (await usedDatabases(target)).length > 1,
  ];
  const comparison = await restore(target, one, { replace: true });

  assert.equal(signal, 'SIGKILL');
  assert.deepEqual(after, [1, 1, true]);
  assert.equal(comparison.same, true);
  assert.equal(await target.ask('DBSIZE'), 10_000);
});
