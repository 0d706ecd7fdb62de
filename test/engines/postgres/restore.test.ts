import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { escapeIdentifier } from 'pg';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { backUpOrders, engine, rowsOf } from './orders-backup.ts';
import { contextFor, databaseNames, run, session } from './run-engine.ts';

suite('restoring a PostgreSQL database', { concurrency: false }, () => {
  let server: PostgresServer;
  let orders: Saved;
  before(async () => {
    server = await postgresServer({ major: 17 });
    orders = await backUpOrders(server);
  });
  after(() => server?.[Symbol.asyncDispose]());

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
      proof: 'compared',
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
      restored.map(({ comparison }) => [comparison.same, comparison.proof, comparison.itemsCompared]),
      [[true, 'loaded', 1000]],
    );
    await assert.rejects(engine.restore(context, { ...plan, streams: [planned(altered, 'loaded')] }), {
      code: 'comparison-failed',
      message: /table 'public.item' was given other rows than the backup has/,
    });
    await engine.restore(context, { ...plan, streams: [planned(orders, 'loaded')] });
    await run(server, 'postgres', 'drop database loaded');
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

    for (const [index, name] of names.entries()) assert.equal(await rowsOf(server, name), index + 1);
    for (const name of names) await run(server, 'postgres', `drop database ${escapeIdentifier(name)}`);
  });

  test("a database whose comment looks like a restore's mark is backed up like any other", async () => {
    await run(server, 'postgres', 'create database commented');
    await run(server, 'postgres', `comment on database commented is 'holdfast {"state":"restoring"}'`);
    using context = contextFor(server);

    const saved = await capture(engine, context);

    assert.equal(saved.get('commented')?.record.status, 'complete');
    await run(server, 'postgres', 'drop database commented');
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
