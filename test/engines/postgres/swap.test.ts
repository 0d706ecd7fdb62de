import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parseConnection } from '../../../lib/engines/postgres/connection.ts';
import {
  connectForReplication,
  identifySystem,
} from '../../../lib/engines/postgres/replication/replication-session.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { backUpOrders, engine, rowsOf } from './orders-backup.ts';
import { contextFor, databaseNames, run, session } from './run-engine.ts';

suite('putting restored PostgreSQL databases in place', { concurrency: false }, () => {
  let server: PostgresServer;
  let orders: Saved;
  before(async () => {
    server = await postgresServer({ major: 17 });
    orders = await backUpOrders(server);
  });
  after(() => server?.[Symbol.asyncDispose]());

  for (const { phase, rows } of [
    { phase: 'create', rows: 1001 },
    { phase: 'restore', rows: 1001 },
    { phase: 'half', rows: 1001 },
    { phase: 'compare', rows: 1001 },
    { phase: 'swap', rows: 1001 },
    { phase: 'drop', rows: 1000 },
  ]) {
    test(`a restore that dies at '${phase}' leaves a whole database, and the next one clears up and succeeds`, async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-die-'));
      const file = path.join(folder, 'archive');
      writeFileSync(file, orders.bytes);
      await run(server, 'orders', 'delete from item where id > 1000; insert into item values (1001)');
      const { host, port, user, password } = server;
      const order = {
        server: { host, port, user, password },
        phase,
        record: orders.record,
        file,
        destination: 'orders',
      };

      const script = path.join(import.meta.dirname, 'restore-and-die.ts');
      const child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: 'inherit' });
      const [, signal] = await once(child, 'exit');
      rmSync(folder, { recursive: true });
      assert.equal(signal, 'SIGKILL');
      assert.equal(await rowsOf(server, 'orders'), rows);

      using context = contextFor(server);
      await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });

      assert.equal(await rowsOf(server, 'orders'), 1000);
      assert.deepEqual(await databaseNames(server), ['orders', 'postgres', 'template0', 'template1']);
    });
  }

  test('a rehearsal restores and compares beside the live database, and leaves it as it was', async () => {
    await run(server, 'orders', 'delete from item where id > 1000; insert into item values (1001)');
    using context = contextFor(server);

    const { restored } = await engine.restore(context, {
      streams: [planned(orders, 'orders')],
      replace: true,
      cutOver: false,
      source: {},
    });

    assert.deepEqual(
      restored.map(({ database, comparison }) => [database, comparison.same, comparison.itemsCompared]),
      [['orders', true, 1000]],
    );
    assert.match(restored[0]?.comparison.remarks.join() ?? '', /a rehearsal/);
    assert.equal(await rowsOf(server, 'orders'), 1001);
    assert.deepEqual(await databaseNames(server), ['orders', 'postgres', 'template0', 'template1']);
  });

  test('leftovers of another destination are cleared too, unless their restore is still running', async () => {
    await run(server, 'postgres', 'create database "holdfast-restoring-0123456789abcdef-01234567"');
    await run(server, 'postgres', 'create database "holdfast-restoring-fedcba9876543210-01234567"');
    await run(server, 'postgres', 'create database "holdfast-restoring-mine"');
    await using running = await session(server, 'postgres');
    await running.query(`select pg_advisory_lock(x'fedcba9876543210'::bigint)`);
    using context = contextFor(server);

    await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });

    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      ['holdfast-restoring-fedcba9876543210-01234567', 'holdfast-restoring-mine'],
    );
    await run(server, 'postgres', 'drop database "holdfast-restoring-fedcba9876543210-01234567"');
    await run(server, 'postgres', 'drop database "holdfast-restoring-mine"');
  });

  test('two restores into one database: one runs, the other says so', async () => {
    using context = contextFor(server);
    const plan = { streams: [planned(orders, 'orders')], replace: true, source: {} };

    const results = await Promise.allSettled([engine.restore(context, plan), engine.restore(context, plan)]);

    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    assert.deepEqual(failures, ['source-busy']);
  });

  test('sessions in the old database, and those that keep coming back, do not hold up a replacement', async () => {
    await using stubborn = await session(server, 'orders');
    await stubborn.query('begin; select * from item limit 1');
    let isOver = false;
    const reconnecting = (async () => {
      while (!isOver) {
        const client = await session(server, 'orders').catch(() => undefined);
        await client?.query('select pg_sleep(10)').catch(() => {});
        await client?.end().catch(() => {});
      }
    })();
    using context = contextFor(server);

    await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });

    isOver = true;
    await run(server, 'postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'orders'`);
    await reconnecting;
    assert.equal(await rowsOf(server, 'orders'), 1000);
  });

  test('a copy that differs from its backup is not put in place, and is kept for a look', async () => {
    using context = contextFor(server);
    const [table, ...others] = orders.record.content?.tables ?? [];
    assert.ok(table && orders.record.content);
    const content = { ...orders.record.content, tables: [{ ...table, rows: 999 }, ...others] };
    await run(server, 'orders', 'insert into item values (4711)');

    const plan = {
      streams: [planned({ ...orders, record: { ...orders.record, content } }, 'orders')],
      replace: true,
      source: {},
    };
    await assert.rejects(engine.restore(context, plan), {
      code: 'comparison-failed',
      message: /table 'public.item' has 1000 rows, in the backup 999/,
    });

    assert.equal(await rowsOf(server, 'orders'), 1001);
    const kept = (await databaseNames(server)).filter((name) => name.startsWith('holdfast-restoring-'));
    assert.equal(kept.length, 1);
    assert.equal(await rowsOf(server, kept[0] ?? ''), 1000);
    await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('two restores through different maintenance databases see each other', async () => {
    await run(server, 'postgres', 'create database other_door');
    using one = contextFor(server);
    using two = contextFor(server, { connection: { maintenanceDatabase: 'other_door' } });
    const plan = { streams: [planned(orders, 'orders')], replace: true, source: {} };

    const results = await Promise.allSettled([engine.restore(one, plan), engine.restore(two, plan)]);

    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    assert.deepEqual(failures, ['source-busy']);
    await run(server, 'postgres', 'drop database other_door');
  });

  test('a whole cluster is replaced at once: when one database fails, none is', async () => {
    await run(server, 'postgres', 'create database stock');
    await run(server, 'stock', 'create table item as select 1 as id');
    using context = contextFor(server);
    const saved = await capture(engine, context);
    await run(server, 'orders', 'insert into item values (1)');
    await run(server, 'stock', 'insert into item values (2)');
    const stock = planned(saved.get('stock'), 'stock');
    const broken = {
      ...stock,
      open: () => planned({ ...(saved.get('stock') as Saved), bytes: Buffer.from('PGDMP') }, '').open(),
    };

    const plan = { streams: [planned(saved.get('orders'), 'orders'), broken], replace: true, source: {} };
    await assert.rejects(engine.restore(context, plan), { code: 'dump-incomplete' });

    assert.equal(await rowsOf(server, 'orders'), 1001);
    assert.equal(await rowsOf(server, 'stock'), 2);
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('a server that ends idle sessions does not end those that watch over a restore, or wait for rows to load', async () => {
    await run(server, 'postgres', 'create database pair');
    for (const name of ['one', 'two'])
      await run(server, 'pair', `create table ${name} as select n, md5(n::text) from generate_series(1, 20000) n`);
    using context = contextFor(server, { parallelJobs: 2 });
    const pair = planned((await capture(engine, context)).get('pair'), 'pair');
    async function* open() {
      await using other = await session(server, 'postgres');
      const pause = () => other.query('set idle_session_timeout = 0; select pg_sleep(2.5)');
      const all = Buffer.concat(await Array.fromAsync(pair.open()));
      await pause();
      // In the middle of one table's rows, the sessions have been opened.
      yield all.subarray(0, all.length / 3);
      await pause();
      yield all.subarray(all.length / 3);
    }
    await run(server, 'postgres', `alter system set idle_session_timeout = '1s'`);
    await run(server, 'postgres', 'select pg_reload_conf()');
    try {
      await engine.restore(context, { streams: [{ ...pair, open }], replace: true, source: {} });
      const { signal } = new AbortController();
      const connection = parseConnection(context.connection);
      const replication = await connectForReplication(connection, { applicationName: 'holdfast', signal });
      await using other = await session(server, 'postgres');
      await other.query('set idle_session_timeout = 0; select pg_sleep(2.5)');

      const { timeline } = await identifySystem(replication).finally(() => replication.end());
      assert.equal(timeline, 1);
    } finally {
      await run(server, 'postgres', 'alter system reset idle_session_timeout');
      await run(server, 'postgres', 'select pg_reload_conf()');
    }

    {
      await using restored = await session(server, 'pair');
      const { rows } = await restored.query(
        'select (select count(*) from one) as one, (select count(*) from two) as two',
      );
      assert.deepEqual(rows, [{ one: '20000', two: '20000' }]);
    }
    await run(server, 'postgres', 'drop database pair');
  });

  test('a database that appears under a free name during the restore is not replaced', async () => {
    using context = contextFor(server);
    const stream = planned(orders, 'late');
    async function* open() {
      await run(server, 'postgres', 'create database late');
      await run(server, 'late', 'create table item as select 1 as id');
      yield* stream.open();
    }

    const plan = { streams: [{ ...stream, open }], replace: false, source: {} };
    await assert.rejects(engine.restore(context, plan), { code: 'target-not-empty' });

    assert.equal(await rowsOf(server, 'late'), 1);
    await run(server, 'postgres', 'drop database late');
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('a server that restarts during the restore interrupts it, and the next run clears up and succeeds', async () => {
    using context = contextFor(server);
    const stream = planned(orders, 'orders');
    async function* open() {
      yield orders.bytes.subarray(0, 3000);
      await server.restart();
      yield orders.bytes.subarray(3000);
    }

    const interrupted = { streams: [{ ...stream, open }], replace: true, source: {} };
    await assert.rejects(engine.restore(context, interrupted), { code: 'source-interrupted' });
    await engine.restore(context, { streams: [stream], replace: true, source: {} });

    assert.equal(await rowsOf(server, 'orders'), 1000);
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });
});
