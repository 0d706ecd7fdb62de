import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectionSchema } from '../../../lib/engines/redis/connection.ts';
import { openSession } from '../../../lib/engines/redis/protocol/session.ts';
import { redisEngine } from '../../../lib/engines/redis/redis-engine.ts';
import { ensureRedis, testedServers } from '../../../scripts/servers/redis.ts';
import { claimedPort } from '../../servers/claimed-port.ts';
import { type RedisServer, redisServer } from '../../servers/redis.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { fillWithEverything } from './everything.ts';
import { contextFor, run } from './run-engine.ts';

const engine = redisEngine();
const fixture = (name: string) => fileURLToPath(new URL(`../../servers/fixtures/${name}`, import.meta.url));

async function saved(
  server: Pick<RedisServer, 'host' | 'port'>,
  options: Parameters<typeof contextFor>[1] & { readonly format?: 'rdb' | 'json' | 'aof' } = {},
): Promise<Saved> {
  const { format = 'rdb', ...rest } = options;
  using context = contextFor(server, rest);
  const all = await capture(engine, context, { method: 'snapshot', format });
  return all.get('server') ?? assert.fail('nothing was captured');
}

/** Digests by collection, of keys alone: functions belong to the server. */
const digests = ({ record }: Saved) =>
  record.content?.tables.map(({ schema, name, rows, digest }) => [schema, name, rows, digest]);

for (const which of testedServers) {
  test(`${which}: every way and every format gives the same counts and digests`, async () => {
    await using server = await redisServer(which);
    await fillWithEverything(server, which);

    const all = [
      await saved(server),
      await saved(server, { format: 'json' }),
      await saved(server, { format: 'aof' }),
      await saved(server, { options: { transfer: 'keys' } }),
    ];

    assert.deepEqual(
      all.map(({ record }) => record.error),
      [undefined, undefined, undefined, undefined],
    );
    for (const one of all.slice(1)) assert.deepEqual(one.record.content, all[0]?.record.content);
    assert.deepEqual(
      all.map(({ record }) => record.facts['transfer']),
      ['replication', 'replication', 'replication', 'keys'],
    );
  });
}

test('equal keys give equal digests, however the server encodes them', async () => {
  await using packed = await redisServer('redis-8');
  await using loose = await redisServer('redis-8', {
    'list-max-listpack-size': '1',
    'hash-max-listpack-entries': '0',
    'set-max-listpack-entries': '0',
    'set-max-intset-entries': '0',
    'zset-max-listpack-entries': '0',
    'stream-node-max-entries': '1',
    rdbcompression: 'no',
  });
  for (const server of [packed, loose]) {
    await fillWithEverything(server, 'redis-8');
    // When an entry was delivered is the server's own clock's.
    await run(server, [['DEL', 'stream']]);
  }

  assert.deepEqual(digests(await saved(loose)), digests(await saved(packed)));
});

test('the snapshot comes whole where the server writes it to its disk first, and sends its length before', async () => {
  await using server = await redisServer('redis-7.0', { 'repl-diskless-sync': 'no' });
  await fillWithEverything(server, 'redis-7.0');
  await using diskless = await redisServer('redis-7.0');

  const one = await saved(server);

  assert.equal(one.record.status, 'complete');
  using context = contextFor(diskless);
  const { restored } = await engine.restore(context, { streams: [planned(one, 'server')], replace: false, source: {} });
  assert.deepEqual(restored[0]?.comparison.differences, []);
});

test('a user who may not replicate gets the keys one by one, and the record says why', async () => {
  await using server = await redisServer('redis-8');
  await fillWithEverything(server, 'redis-8');
  await run(server, [
    [
      'ACL',
      'SETUSER',
      'backup',
      'on',
      '>pw',
      '~*',
      '-@all',
      '+info',
      '+scan',
      '+dump',
      '+pexpiretime',
      '+select',
      '+function|list',
      '+ping',
    ],
  ]);
  const connection = { user: 'backup', password: 'pw' };

  const one = await saved(server, { connection });
  const only = await saved(server, { connection, options: { transfer: 'replication' } });
  using context = contextFor(server, { connection });
  const probe = await engine.probe(context);

  assert.deepEqual([one.record.status, one.record.facts['transfer']], ['complete', 'keys']);
  assert.match(String(one.record.facts['reason']), /^REPLCONF was refused: NOPERM/);
  assert.match(String(one.record.remarks), /^keys were read one by one, each at its own moment: REPLCONF was refused/);
  assert.deepEqual(one.record.content, (await saved(server)).record.content);
  assert.equal(only.record.error?.code, 'privilege-missing');
  assert.deepEqual(
    probe.findings.map(({ level, message }) => [level, message.slice(0, 36)]),
    [['warning', 'the backup user may not replicate: k']],
  );
});

test('the rights that the documents name are enough to replicate', async () => {
  await using server = await redisServer('redis-7.0', { 'repl-diskless-sync-delay': '0' });
  await run(server, [
    ['SET', 'a', '1'],
    ['ACL', 'SETUSER', 'backup', 'on', '>pw', '-@all', '+psync', '+replconf', '+info', '+ping', '+client|setname'],
  ]);

  const one = await saved(server, { connection: { user: 'backup', password: 'pw' } });

  assert.deepEqual([one.record.status, one.record.facts['transfer']], ['complete', 'replication']);
});

test('keys that vanish while they are listed are counted, and the rest is whole', async () => {
  await using server = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  await run(server, [['DEBUG', 'POPULATE', '20000']]);
  await using other = await server.connect();
  let deleted = 0;
  using context = contextFor(server, { options: { transfer: 'keys' } });
  const opened = await engine.capture(context, { method: 'snapshot', format: 'rdb' });
  const stream = await opened.streams[0]?.open();
  for await (const _ of stream?.bytes ?? [])
    for (let index = 0; index < 200; index++)
      deleted += Number(await other.ask(['DEL', `key:${(deleted * 7919) % 20_000}`]));
  const result = stream?.result();

  const keys = result?.content?.tables.reduce((sum, { rows }) => sum + rows, 0) ?? 0;
  assert.ok(deleted > 0);
  assert.ok(keys >= 20_000 - deleted && keys < 20_000, `${keys} keys`);
  assert.equal(typeof result?.facts['vanishedKeys'], 'number');
  assert.equal(
    result?.remarks?.[0],
    "keys were read one by one, each at its own moment: the target's settings say 'transfer: keys'",
  );
});

test('key by key, large values are asked for a few at a time', async () => {
  await using server = await redisServer('redis-8');
  for (let index = 0; index < 200; index++) await server.ask('SET', `key ${index}`, randomBytes(1024 ** 2));
  using context = contextFor(server, { options: { transfer: 'keys' } });
  const opened = await engine.capture(context, { method: 'snapshot', format: 'rdb' });
  const stream = await opened.streams[0]?.open();

  let [largest, all] = [0, 0];
  for await (const { length } of stream?.bytes ?? []) {
    largest = Math.max(largest, length);
    all += length;
  }

  assert.ok(all > 200 * 1024 ** 2);
  assert.ok(largest < 6 * 1024 ** 2, `${largest} bytes at once`);
});

test('over TLS the server is proved to be the one that is meant', async () => {
  const { port } = await claimedPort();
  await using server = await redisServer('redis-8', {
    'tls-port': String(port),
    'tls-cert-file': fixture('localhost.crt'),
    'tls-key-file': fixture('localhost.key'),
    'tls-auth-clients': 'no',
  });
  await run(server, [['SET', 'a', '1']]);
  const address = { host: '127.0.0.1', port } as const;

  const trusted = await saved(address, {
    connection: { host: 'localhost', sslmode: 'verify-full', sslrootcert: fixture('localhost.crt') },
  });
  using context = contextFor(address, { connection: { host: 'localhost', sslmode: 'verify-full' } });

  assert.equal(trusted.record.status, 'complete');
  await assert.rejects(engine.probe(context), { code: 'auth-failed', message: /certificate is not trusted/ });
});

test('a user without a password acts as himself, and not as the default user', async () => {
  await using server = await redisServer('redis-8');
  await server.ask('ACL', 'SETUSER', 'backup', 'on', 'nopass', '+@all', '~*');
  const { host, port } = server;

  await using session = await openSession(connectionSchema.parse({ host, port, user: 'backup', sslmode: 'disable' }));

  assert.equal(String(await session.ask(['ACL', 'WHOAMI'])), 'backup');
});

test('a wrong password and a server that is not there are told as what they are', async () => {
  await using server = await redisServer('redis-8', { requirepass: 'right' });
  using wrong = contextFor(server, { connection: { password: 'wrong' } });
  using none = contextFor(server);
  using nowhere = contextFor({ host: '127.0.0.1', port: 1 });

  await assert.rejects(engine.probe(wrong), { code: 'auth-failed' });
  await assert.rejects(engine.probe(none), { code: 'auth-failed', message: /asks for a password/ });
  await assert.rejects(engine.probe(nowhere), { code: 'source-unreachable' });
});

test('a connection that breaks off in the middle fails the stream as interrupted', async () => {
  await using server = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  await run(server, [['DEBUG', 'POPULATE', '100000', 'key', '100']]);
  await using proxy = await cutAfter(server.port, 1_000_000);

  for (const options of [{}, { transfer: 'keys' }]) {
    const one = await saved({ host: '127.0.0.1', port: proxy.port }, { options });
    assert.equal(one.record.error?.code, 'source-interrupted', one.record.error?.message);
  }
});

test('a server that owes an answer and says nothing is given up, by replication and key by key', async () => {
  await using server = await redisServer('redis-8', { 'enable-debug-command': 'yes' });
  await run(server, [['DEBUG', 'POPULATE', '100000', 'key', '100']]);
  await using proxy = await muteAfter(server.port, 1_000_000);
  const connection = { silenceSeconds: 2 };

  for (const options of [{}, { transfer: 'keys' }]) {
    const one = await saved({ host: '127.0.0.1', port: proxy.port }, { options, connection });
    assert.equal(one.record.error?.code, 'source-interrupted');
    assert.match(one.record.error?.message ?? '', /has said nothing for 2 seconds/);
  }
});

test('the append-only file is loaded by the server at its start, and replayed by its client', async () => {
  await using server = await redisServer('redis-7.0');
  await fillWithEverything(server, 'redis-7.0');
  const one = await saved(server, { format: 'aof' });
  await using loading = await redisServer('redis-7.0', { appendonly: 'yes' });
  await using piped = await redisServer('redis-7.0');

  await loading.stop();
  const folder = path.join(loading.folder, 'appendonlydir');
  await writeFile(path.join(folder, 'appendonly.aof.1.incr.aof'), one.bytes);
  await writeFile(path.join(folder, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
  await loading.start();
  const { cli } = await ensureRedis('redis-7.0', () => {});
  const file = path.join(loading.folder, 'commands');
  await writeFile(file, one.bytes);
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `"${cli}" -p ${piped.port} --pipe < "${file}"`]);

  assert.match(stdout, /errors: 0,/);
  for (const target of [loading, piped]) {
    using context = contextFor(target);
    assert.deepEqual((await engine.compare(context, one.record, 'server')).differences, []);
  }
});

const cutAfter = (port: number, bytes: number) =>
  limited(port, bytes, (sockets) => {
    for (const socket of sockets) socket.destroy();
  });
const muteAfter = (port: number, bytes: number) => limited(port, bytes, () => {});

/** Hands connections on to the port until each has carried so many bytes from there, and no further. */
async function limited(
  port: number,
  bytes: number,
  atLimit: (sockets: readonly Socket[]) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectTcp(port, '127.0.0.1');
    let carried = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      if (carried <= bytes) client.write(chunk);
      carried += chunk.length;
      if (carried > bytes) atLimit([client, upstream]);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
