import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CaptureStream, Engine, EngineContext } from '../../lib/engines/engine.ts';
import { postgresEngine } from '../../lib/engines/postgres/postgres-engine.ts';
import { contextFor, run, session, testTools } from '../engines/postgres/run-engine.ts';
import { capture, planned, save } from '../engines/saved-streams.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

const engine = postgresEngine({ findTools: testTools });

/** An engine whose pg_dump is the shell script; `real` in it is the real one with all arguments. */
async function withStub(script: string): Promise<{ engine: Engine } & Disposable> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-stub-'));
  const tools = await testTools(17);
  const stub = path.join(folder, 'pg_dump');
  writeFileSync(stub, `#!/bin/sh\nreal() { '${tools.pgDump}' "$@"; }\n${script}\n`);
  chmodSync(stub, 0o755);
  return {
    engine: postgresEngine({ findTools: async () => ({ ...tools, pgDump: stub }) }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Error code per stream, `complete` for those that came through. */
async function outcomes(subject: Engine, context: EngineContext): Promise<Record<string, string>> {
  const saved = await capture(subject, context);
  return Object.fromEntries([...saved].map(([name, { record }]) => [name, record.error?.code ?? record.status]));
}

suite('faults of a PostgreSQL source', { concurrency: false }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await postgresServer({ major: 17 });
    for (const name of ['orders', 'stock']) {
      await run(server, 'postgres', `create database ${name}`);
      await run(
        server,
        name,
        'create table item as select n as id, md5(n::text) as body from generate_series(1, 20000) n',
      );
    }
    // More than all pipes and sockets on the way hold, so that a reader who stops reading stops the server too.
    await run(server, 'postgres', 'create database large');
    await run(
      server,
      'large',
      `create table item as select n, repeat('x', 1000) as body from generate_series(1, 60000) n`,
    );
    await run(
      server,
      'stock',
      `create table secret (id int); insert into secret values (1);
       create role backup login password 'backup'; grant select on item to backup`,
    );
  });
  after(() => server?.[Symbol.asyncDispose]());

  const two = { databases: ['orders', 'stock'] };

  test('a dump tool that writes the whole archive and exits with 1 is a failed dump', async () => {
    using stub = await withStub(`real "$@"; echo 'pg_dump: error: something went wrong' >&2; exit 1`);
    using context = contextFor(server, { connection: two });

    assert.deepEqual(await outcomes(stub.engine, context), {
      globals: 'complete',
      orders: 'dump-failed',
      stock: 'dump-failed',
    });
  });

  test('a dump tool that exits with 0 and writes nothing is an incomplete dump', async () => {
    using stub = await withStub('exit 0');
    using context = contextFor(server, { connection: two });

    assert.equal((await outcomes(stub.engine, context))['orders'], 'dump-incomplete');
  });

  test('a dump tool that exits with 0 and writes half of the archive is an incomplete dump', async () => {
    using stub = await withStub('real "$@" | head -c 300000; exit 0');
    using context = contextFor(server, { connection: two });

    assert.equal((await outcomes(stub.engine, context))['orders'], 'dump-incomplete');
  });

  test('a dump tool that exits with 0 and leaves out the last byte is an incomplete dump', async () => {
    using stub = await withStub('real "$@" | head -c -1; exit 0');
    using context = contextFor(server, { connection: two });

    assert.equal((await outcomes(stub.engine, context))['orders'], 'dump-incomplete');
  });

  test('a dump tool that is killed is a failed dump', async () => {
    using stub = await withStub('kill -KILL $$');
    using context = contextFor(server, { connection: two });

    assert.equal((await outcomes(stub.engine, context))['orders'], 'dump-failed');
  });

  test('a missing database fails its own stream, and the others are kept', async () => {
    using context = contextFor(server, { connection: { databases: ['orders', 'gone'] } });

    assert.deepEqual(await outcomes(engine, context), {
      globals: 'complete',
      orders: 'complete',
      gone: 'database-missing',
    });
  });

  test('a table that the user may not read fails its database and is named', async () => {
    const connection = { ...two, user: 'backup', password: 'backup' };
    using context = contextFor(server, { connection });

    const saved = await capture(engine, context);

    assert.equal(saved.get('stock')?.record.error?.code, 'privilege-missing');
    assert.match(saved.get('stock')?.record.error?.message ?? '', /permission denied for table secret/);
    assert.equal(saved.get('globals')?.record.facts['hasRolePasswords'], false);
    const probe = await engine.probe(context);
    assert.ok(probe.findings.some(({ message }) => message.includes("cannot read public.secret in database 'stock'")));
  });

  test('a user for base backups alone needs to read no table', async () => {
    await run(server, 'postgres', `create role streamer login replication password 'streamer'`);
    const connection = { ...two, user: 'streamer', password: 'streamer' };
    const findings = async (...methods: readonly string[]) => {
      using context = contextFor(server, {
        connection,
        options: { backups: methods.map((method) => ({ method })) } as object,
      });
      return (await engine.probe(context)).findings.map(({ message }) => message);
    };

    const forBase = await findings('base', 'incremental');
    const forBoth = await findings('base', 'logical');

    assert.ok(!forBase.some((message) => /cannot read|may not read/.test(message)), forBase.join('\n'));
    assert.ok(forBoth.some((message) => message.includes("cannot read public.secret in database 'stock'")));
  });

  test('a user with pg_read_all_data backs up all there is, but not rows that a policy may hide from it', async () => {
    await run(server, 'postgres', `create role saver login password 'saver'; grant pg_read_all_data to saver`);
    await run(server, 'postgres', 'create database hidden');
    await run(server, 'hidden', 'create table item (id int); alter table item enable row level security');
    const connection = { databases: ['stock', 'hidden'], user: 'saver', password: 'saver' };
    using context = contextFor(server, { connection });

    const probe = await engine.probe(context);

    assert.deepEqual(
      probe.findings.map(({ message }) => message),
      ["user 'saver' cannot read public.item in database 'hidden'"],
    );
    assert.deepEqual(await outcomes(engine, context), {
      globals: 'complete',
      stock: 'complete',
      hidden: 'privilege-missing',
    });
  });

  test('a wrong password is refused as such, by every verb, and never repeated', async () => {
    using context = contextFor(server, { connection: { password: 'hunter2' } });

    for (const verb of [
      () => engine.probe(context),
      () => engine.capture(context, { method: 'logical', format: 'custom' }),
    ])
      await assert.rejects(verb(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'auth-failed');
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
  });

  test('a password that is asked for and not configured is refused as such', async () => {
    using context = contextFor({ ...server, password: '' });

    await assert.rejects(engine.probe(context), { code: 'auth-failed' });
  });

  test('a server that is not there is unreachable, whether the port is closed or the name unknown', async () => {
    using closed = contextFor(server, { connection: { port: await closedPort() } });
    using unknown = contextFor(server, { connection: { host: 'no-such-host.invalid' } });

    await assert.rejects(engine.probe(closed), { code: 'source-unreachable' });
    await assert.rejects(engine.capture(unknown, { method: 'logical', format: 'custom' }), {
      code: 'source-unreachable',
    });
  });

  test('a server without TLS is not reached in the clear when TLS was asked for', async () => {
    using context = contextFor(server, { connection: { sslmode: 'verify-full' } });

    await assert.rejects(engine.probe(context), { code: 'config-invalid', message: /has no TLS/ });
  });

  test('client tools of another major version are refused', async () => {
    const other = postgresEngine({
      findTools: (major) => testTools(major).then(() => Promise.reject(mismatch)),
    });
    const mismatch = Object.assign(new Error('other versions'), { code: 'version-mismatch' });
    using context = contextFor(server);

    await assert.rejects(other.capture(context, { method: 'logical', format: 'custom' }), { code: 'version-mismatch' });
  });

  test('a dump tool older than the server says so itself, and it is taken for what it is', async () => {
    const old = await testTools(15);
    const stubborn = postgresEngine({ findTools: async () => old });
    using context = contextFor(server, { connection: two });

    assert.equal((await outcomes(stubborn, context))['orders'], 'version-mismatch');
  });

  test('a table locked by someone else ends the dump of its database after the lock timeout; the others come through', async () => {
    await using holder = await session(server, 'orders');
    await holder.query('begin; lock table item in access exclusive mode');
    using context = contextFor(server, { connection: two, options: { lockTimeoutSeconds: 1 } });

    assert.deepEqual(await outcomes(engine, context), {
      globals: 'complete',
      orders: 'source-busy',
      stock: 'complete',
    });
  });

  test('a dump gives way to an ALTER TABLE that waits for it, before those behind it wait for long', async () => {
    using context = contextFor(server, { connection: { databases: ['large'] }, options: { giveWaySeconds: 5 } });
    const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
    const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;
    await using alterer = await session(server, 'large');
    await using reader = await session(server, 'large');
    const [table] = (
      await alterer.query("select relname as name from pg_class where relkind = 'r' and oid >= 16384 limit 1")
    ).rows;

    const { bytes } = await stream.open();
    let waiters: Promise<unknown> | undefined;
    const failure = await (async () => {
      for await (const _ of bytes) {
        if (waiters) continue;
        const altered = alterer.query(`alter table ${table.name} add column behind int`);
        await oneWaitsForALock(server);
        waiters = Promise.all([altered, reader.query(`select from ${table.name} limit 1`)]);
        // The dump's locks are held for as long as nobody reads on.
        await dumpIsGone(server);
      }
    })().catch((error: unknown) => error);
    await opened.end();

    assert.equal((failure as { code?: string }).code, 'source-busy');
    assert.match(
      String(failure),
      /gave way to session \d+.* waited \d+ s for the dump's lock on .*and 1 more behind it/,
    );
    await waiters;
    await alterer.query(`alter table ${table.name} drop column behind`);
  });

  test('a statement that runs longer than the statement timeout ends the dump', async () => {
    using context = contextFor(server, {
      connection: { databases: ['large'] },
      options: { statementTimeoutSeconds: 1 },
    });
    const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
    const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;

    const { bytes } = await stream.open();
    let isFirst = true;
    const failure = await (async () => {
      for await (const _ of bytes) {
        if (isFirst) await dumpIsGone(server);
        isFirst = false;
      }
    })().catch((error: unknown) => error);
    await opened.end();

    assert.equal((failure as { code?: string }).code, 'source-busy');
  });

  test('a server that restarts during the dump interrupts it, and the next run succeeds by itself', async () => {
    using context = contextFor(server, { connection: { databases: ['large'] } });
    const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
    const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;

    const { bytes } = await stream.open();
    let isFirst = true;
    const failure = await (async () => {
      for await (const _ of bytes) {
        if (isFirst) await server.restart();
        isFirst = false;
      }
    })().catch((error: unknown) => error);
    await opened.end();

    assert.equal((failure as { code?: string }).code, 'source-interrupted');
    assert.deepEqual(await outcomes(engine, context), { globals: 'complete', large: 'complete' });
  });

  test('a server that stops before the stream is opened is unreachable', async () => {
    using context = contextFor(server, { connection: two });
    const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
    await server.stop();

    const saved = await Promise.all(opened.streams.map(save));
    await opened.end();
    await server.start();

    assert.deepEqual(
      saved.map(({ record }) => record.error?.code),
      ['source-unreachable', 'source-unreachable', 'source-unreachable'],
    );
  });

  test('a stopped run ends its dump tool and its sessions', async () => {
    const stop = new AbortController();
    using context = contextFor(server, { connection: { databases: ['large'] }, signal: stop.signal });
    const opened = await engine.capture(context, { method: 'logical', format: 'custom' });
    const stream = opened.streams.find(({ name }) => name === 'large') as CaptureStream;

    const { bytes } = await stream.open();
    const failure = await (async () => {
      for await (const _ of bytes) stop.abort();
    })().catch((error: unknown) => error);
    await opened.end();

    assert.equal((failure as { code?: string }).code, 'stopped');
    await dumpIsGone(server);
    await using client = await session(server, 'postgres');
    const { rows } = await client.query(
      `select pg_stat_clear_snapshot(), count(*)::int from pg_stat_activity where application_name like 'holdfast%' and state = 'active'`,
    );
    assert.equal(rows[0].count, 0);
  });

  test('an archive for a newer server, with roles or extensions that are not there, is refused before anything is changed', async () => {
    using context = contextFor(server, { connection: two });
    const saved = await capture(engine, context);
    const stream = planned(saved.get('orders'), 'orders_new');
    const facts = {
      ...stream.record.facts,
      major: 18,
      roles: ['nobody_here'],
      extensions: [{ name: 'postgis', version: '3', schema: 'public' }],
    };

    const plan = { streams: [{ ...stream, record: { ...stream.record, facts } }], replace: false, source: {} };
    await assert.rejects(engine.restore(context, plan), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'preflight-failed');
      assert.match(error.message, /is of PostgreSQL 18/);
      assert.match(error.message, /no role 'nobody_here'/);
      assert.match(error.message, /no extension 'postgis'/);
      return true;
    });
  });
});

/** Resolves when no dump's session is left on the server, or after 20 s. */
async function dumpIsGone(server: PostgresServer): Promise<void> {
  await using client = await session(server, 'postgres');
  await client.query(`
    do $$ begin
      for attempt in 1 .. 400 loop
        exit when not exists (select from pg_stat_activity where application_name like 'holdfast dump %');
        perform pg_sleep(0.05), pg_stat_clear_snapshot();
      end loop;
    end $$`);
}

/** Resolves when a session waits for a lock, or after 20 s. */
async function oneWaitsForALock(server: PostgresServer): Promise<void> {
  await using client = await session(server, 'postgres');
  await client.query(`
    do $$ begin
      for attempt in 1 .. 400 loop
        exit when exists (select from pg_locks where not granted);
        perform pg_sleep(0.05);
      end loop;
    end $$`);
}

async function closedPort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
