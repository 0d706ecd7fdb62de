import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { escapeIdentifier } from 'pg';
import { streamName } from '../../../lib/engines/postgres/capture.ts';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { contextFor, databaseNames, run, session, testTools } from './run-engine.ts';

const engine = postgresEngine({ findTools: testTools });

suite('restoring a PostgreSQL database', { concurrency: false }, () => {
  let server: PostgresServer;
  let orders: Saved;
  before(async () => {
    server = await postgresServer({ major: 17 });
    await run(server, 'postgres', 'create database orders');
    await run(server, 'orders', 'create table item as select n as id from generate_series(1, 1000) n');
    using context = contextFor(server, { connection: { databases: ['orders'] } });
    orders = (await capture(engine, context)).get('orders') as Saved;
    await run(server, 'orders', 'insert into item values (1001)');
  });
  after(() => server?.[Symbol.asyncDispose]());

  const rowsOf = async (database: string): Promise<number> => {
    await using client = await session(server, database);
    const { rows } = await client.query('select count(*)::int as count from item');
    return rows[0].count;
  };

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
      assert.equal(await rowsOf('orders'), rows);

      using context = contextFor(server);
      await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });

      assert.equal(await rowsOf('orders'), 1000);
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
    assert.equal(await rowsOf('orders'), 1001);
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
    assert.equal(await rowsOf('orders'), 1000);
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

    assert.equal(await rowsOf('orders'), 1001);
    const kept = (await databaseNames(server)).filter((name) => name.startsWith('holdfast-restoring-'));
    assert.equal(kept.length, 1);
    assert.equal(await rowsOf(kept[0] ?? ''), 1000);
    await engine.restore(context, { streams: [planned(orders, 'orders')], replace: true, source: {} });
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('definitions that PostgreSQL prints differently after a reload are a remark, and the copy is put in place', async () => {
    await run(server, 'postgres', 'create database reprinted');
    await run(server, 'reprinted', "create table sale (state varchar(8) check (state in ('new', 'paid')))");
    using context = contextFor(server, { connection: { databases: ['reprinted'] } });
    const saved = (await capture(engine, context)).get('reprinted');

    const { restored } = await engine.restore(context, {
      streams: [planned(saved, 'reprinted')],
      replace: true,
      source: {},
    });

    assert.deepEqual(restored[0]?.comparison, {
      same: true,
      words: { collection: 'table', item: 'row' },
      collectionsCompared: 1,
      itemsCompared: 0,
      differences: [],
      remarks: [
        'as many definitions of each kind, but the text of some differs: PostgreSQL prints some differently once they were reloaded, so this proves nothing',
      ],
    });
    await run(server, 'postgres', 'drop database reprinted');
  });

  test("with comparison 'loaded' what the server was given is held against the manifest, and a difference is found", async () => {
    using context = contextFor(server);
    const content = orders.record.content;
    assert.ok(content);
    const wrong = { ...content, tables: content.tables.map((table) => ({ ...table, digest: '0'.repeat(32) })) };
    const altered = { ...orders, record: { ...orders.record, content: wrong } };
    const plan = { replace: true, comparison: 'loaded', source: {} } as const;

    const { restored } = await engine.restore(context, { ...plan, streams: [planned(orders, 'loaded')] });

    assert.deepEqual(
      restored.map(({ comparison }) => [comparison.same, comparison.itemsCompared, comparison.remarks.length]),
      [[true, 1000, 1]],
    );
    assert.match(restored[0]?.comparison.remarks[0] ?? '', /'holdfast compare' does that/);
    await assert.rejects(engine.restore(context, { ...plan, streams: [planned(altered, 'loaded')] }), {
      code: 'comparison-failed',
      message: /table 'public.item' was given other rows than the backup has/,
    });
    await engine.restore(context, { ...plan, streams: [planned(orders, 'loaded')] });
    await run(server, 'postgres', 'drop database loaded');
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

  test("a user's own template is among all databases, and is a template again when it was replaced", async () => {
    await run(server, 'postgres', 'create database pattern is_template true');
    await run(server, 'pattern', 'create table item as select 1 as id');
    using context = contextFor(server);

    const saved = await capture(engine, context);
    const plan = { streams: [planned(saved.get('pattern'), 'pattern')], replace: true, source: {} };
    await engine.restore(context, plan);

    await using client = await session(server, 'postgres');
    const { rows } = await client.query(`select datname from pg_database where datistemplate order by 1`);
    assert.deepEqual(
      rows.map(({ datname }) => datname),
      ['pattern', 'template0', 'template1'],
    );
    await client.query('alter database pattern is_template false');
    await client.query('drop database pattern');
    assert.deepEqual(await databaseNames(server), ['orders', 'postgres', 'template0', 'template1']);
  });

  test("a database's own time-out and client encoding do not get in the way of its backup", async () => {
    await run(server, 'postgres', 'create database particular');
    await run(server, 'particular', `create table price as select '\u20ac' as sign`);
    await run(server, 'postgres', `alter database particular set client_encoding = 'LATIN1'`);
    await run(server, 'postgres', `alter database particular set statement_timeout = '1ms'`);
    using context = contextFor(server, { connection: { databases: ['particular'] } });

    const saved = (await capture(engine, context)).get('particular');
    const plan = { streams: [planned(saved, 'particular')], replace: true, source: {} };
    const { restored } = await engine.restore(context, plan);

    assert.deepEqual(restored[0]?.comparison.differences, []);
    await run(server, 'postgres', 'drop database particular');
  });

  test('databases with names that tools take for something else go there and back', async () => {
    const names = [
      '-h',
      'a=b',
      'postgresql://x',
      ' ',
      "dbname='orders'",
      'new\nline',
      '😀',
      'x'.repeat(63),
      '"quoted"',
      '\\',
      '%s',
    ];
    for (const [index, name] of names.entries()) {
      await run(server, 'postgres', `create database ${escapeIdentifier(name)}`);
      await run(server, name, `create table item as select n from generate_series(1, ${index + 1}) n`);
    }
    using context = contextFor(server, { connection: { databases: names, maintenanceDatabase: 'a=b' } });

    const saved = await capture(engine, context);
    assert.deepEqual(
      [...saved.values()].flatMap(({ record }) => record.error ?? []),
      [],
    );
    assert.equal(new Set([...saved.values()].map(({ record }) => record.stream)).size, names.length + 1);
    for (const name of names) await run(server, name, 'drop table item');
    const streams = names.map((name) => planned(saved.get(name), name));
    await engine.restore(context, { streams, replace: true, source: {} });

    for (const [index, name] of names.entries()) assert.equal(await rowsOf(name), index + 1);
    for (const name of names) await run(server, 'postgres', `drop database ${escapeIdentifier(name)}`);
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

    assert.equal(await rowsOf('orders'), 1001);
    assert.equal(await rowsOf('stock'), 2);
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('a server that ends idle sessions does not end the one that watches over a restore', async () => {
    using context = contextFor(server);
    const stream = planned(orders, 'orders');
    async function* open() {
      await using other = await session(server, 'postgres');
      await other.query('set idle_session_timeout = 0; select pg_sleep(0.5)');
      yield* stream.open();
    }
    await run(server, 'postgres', `alter system set idle_session_timeout = '200ms'`);
    await run(server, 'postgres', 'select pg_reload_conf()');
    try {
      await engine.restore(context, { streams: [{ ...stream, open }], replace: true, source: {} });
    } finally {
      await run(server, 'postgres', 'alter system reset idle_session_timeout');
      await run(server, 'postgres', 'select pg_reload_conf()');
    }

    assert.equal(await rowsOf('orders'), 1000);
  });

  test("a database whose comment looks like a restore's mark is backed up like any other", async () => {
    await run(server, 'postgres', 'create database commented');
    await run(server, 'postgres', `comment on database commented is 'holdfast {"state":"restoring"}'`);
    using context = contextFor(server);

    const saved = await capture(engine, context);

    assert.equal(saved.get('commented')?.record.status, 'complete');
    await run(server, 'postgres', 'drop database commented');
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

    assert.equal(await rowsOf('late'), 1);
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

    assert.equal(await rowsOf('orders'), 1000);
    assert.deepEqual(
      (await databaseNames(server)).filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('a name longer than PostgreSQL keeps is refused, since it would be cut', async () => {
    using context = contextFor(server);

    const plan = { streams: [planned(orders, 'ü'.repeat(32))], replace: false, source: {} };
    await assert.rejects(engine.restore(context, plan), { code: 'usage' });
  });

  test('a role that exists keeps its password and rights when globals are restored', async () => {
    await run(server, 'postgres', `create role app login password 'old'; create role new_one; grant new_one to app`);
    using context = contextFor(server, { connection: { databases: ['orders'] } });
    const saved = await capture(engine, context);
    await run(server, 'postgres', `alter role app password 'current' createdb; drop role new_one`);

    const plan = { streams: [planned(saved.get('globals'), '')], replace: false, source: {} };
    const { restored } = await engine.restore(context, plan);

    assert.ok(restored[0]?.comparison.remarks.includes("role 'app' existed and was left as it is"));
    await using client = await session({ ...server, user: 'app', password: 'current' }, 'postgres');
    const { rows } = await client.query(
      `select rolcreatedb from pg_roles where rolname in ('app', 'new_one') order by rolname`,
    );
    assert.deepEqual(rows, [{ rolcreatedb: true }, { rolcreatedb: false }]);
  });
});

test('a stream is named after its database where that is a key segment, and after its hash where not', () => {
  assert.equal(streamName('orders'), 'db-orders');
  assert.equal(streamName('Orders'), 'db-orders-b7e8acdd');
  assert.equal(streamName('-h'), 'db--h');
  assert.match(streamName('a=b'), /^db-a-b-[0-9a-f]{8}$/);
  assert.match(streamName('😀'), /^db---[0-9a-f]{8}$/);
});
