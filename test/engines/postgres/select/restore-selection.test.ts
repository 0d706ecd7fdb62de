import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Selection } from '../../../../lib/core/selection.ts';
import type { RestorePlan } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { capture, planned, type Saved } from '../../saved-streams.ts';
import { contextFor, databaseNames, run, session, testTools } from '../run-engine.ts';

const engine = postgresEngine({ findTools: testTools });

const shop = `
create type state as enum ('new', 'paid');
create function tax(price numeric) returns numeric language sql immutable as $$ select price * 0.19 $$;
create table customer (id serial primary key, name text not null);
insert into customer (name) select 'customer ' || n from generate_series(1, 50) n;
create table purchase (
  id int generated always as identity primary key,
  customer int not null references customer (id),
  state state not null default 'new',
  price numeric not null,
  gross numeric generated always as (price + tax(price)) stored
);
insert into purchase (customer, price) select 1 + n % 50, n from generate_series(1, 2000) n;
create index purchase_state on purchase (state) where state = 'new';
comment on column purchase.price is 'without tax';
grant select on purchase to reader;
create view open_purchase as select * from purchase where state = 'new';
create table log (id int, line text) partition by range (id);
create table log_low partition of log for values from (0) to (100);
create table log_high partition of log for values from (100) to (200);
insert into log select n, 'line ' || n from generate_series(0, 149) n;
create schema archive;
create table archive.old (like customer including all);
insert into archive.old select * from customer;
create schema "Weird ""q"".s";
create table "Weird ""q"".s"."-h" (x text);
insert into "Weird ""q"".s"."-h" values ('one'), ('two');
create table "Weird ""q"".s"."täble 😀
line" (y int primary key);
insert into "Weird ""q"".s"."täble 😀
line" select generate_series(1, 7);
select lo_from_bytea(0, 'an object');
`;

const chosen = (selection: Partial<Selection>): Selection => ({
  schemas: [],
  tables: [],
  paths: [],
  withDependencies: false,
  ...selection,
});
const tables = (...names: (readonly [string, string])[]): Selection =>
  chosen({ tables: names.map(([schema, name]) => ({ schema, name })) });

suite('restoring schemas and tables', { concurrency: false }, () => {
  let server: PostgresServer;
  let saved: Saved;
  let script: Saved;
  before(async () => {
    server = await postgresServer({ major: 17 });
    await run(server, 'postgres', 'create role reader');
    await run(server, 'postgres', 'create database shop');
    await run(server, 'shop', shop);
    using context = contextFor(server, { connection: { databases: ['shop'] } });
    saved = (await capture(engine, context)).get('shop') as Saved;
    script = (await capture(engine, context, { method: 'logical', format: 'sql' })).get('shop') as Saved;
  });
  after(() => server?.[Symbol.asyncDispose]());

  async function restore(destination: string, selection: Selection, options: Partial<RestorePlan> = {}, from = saved) {
    using context = contextFor(server, { parallelJobs: 2, options: { lockTimeoutSeconds: 2 } });
    const plan = { streams: [planned(from, destination)], replace: false, source: {}, selection, ...options };
    const { restored } = await engine.restore(context, plan);
    return restored[0]?.comparison;
  }

  async function ask(database: string, query: string): Promise<unknown[]> {
    await using client = await session(server, database);
    return (await client.query<{ value: unknown }>(query)).rows.map(({ value }) => value);
  }

  const relations = `select n.nspname || '.' || relname as value from pg_class c join pg_namespace n on n.oid = relnamespace
                      where c.oid >= 16384 and n.nspname !~ '^pg_' and relkind in ('r', 'p', 'v', 'S') order by 1`;

  test('a table goes into a new database with its indexes, sequence, privileges and what it depends on', async () => {
    const comparison = await restore('one', { ...tables(['public', 'purchase']), withDependencies: true });

    assert.deepEqual([comparison?.same, comparison?.collectionsCompared, comparison?.itemsCompared], [true, 2, 2050]);
    assert.match(comparison?.remarks.join() ?? '', /brought along .*type 'public.state'/);
    assert.deepEqual(await ask('one', relations), [
      'public.customer',
      'public.customer_id_seq',
      'public.purchase',
      'public.purchase_id_seq',
    ]);
    assert.deepEqual(
      await ask('one', `select indexname as value from pg_indexes where schemaname = 'public' order by 1`),
      ['customer_pkey', 'purchase_pkey', 'purchase_state'],
    );
    assert.deepEqual(await ask('one', `select has_table_privilege('reader', 'purchase', 'select') as value`), [true]);
    assert.deepEqual(
      await ask('one', 'insert into purchase (customer, price) values (1, 1) returning id as value'),
      [2001],
    );
  });

  test('what it depends on and is missing is named before anything is made, with the remedy', async () => {
    await assert.rejects(restore('two', tables(['public', 'purchase'])), {
      code: 'preflight-failed',
      message: /depends on .*type 'public.state'.*which the destination does not have/,
      hint: /--with-dependencies/,
    });

    assert.ok(!(await databaseNames(server)).includes('two'));
  });

  test('a schema goes into a new database with all that is in it, and nothing else', async () => {
    const comparison = await restore('three', { ...chosen({ schemas: ['archive'] }), withDependencies: true });

    assert.equal(comparison?.same, true);
    assert.deepEqual(await ask('three', 'select count(*)::int as value from archive.old'), [50]);
  });

  test('odd names are found and restored, beside what an existing database holds', async () => {
    await run(server, 'postgres', 'create database four');
    await run(server, 'four', `create table mine as select 1 as id`);

    const one = await restore('four', tables(['Weird "q".s', '-h']));
    const other = await restore('four', tables(['Weird "q".s', 'täble 😀\nline']));

    assert.deepEqual([one?.itemsCompared, other?.itemsCompared], [2, 7]);
    assert.match(one?.remarks.join() ?? '', /brought along schema 'Weird "q".s'/);
    assert.deepEqual(await ask('four', `select count(*)::int as value from "Weird ""q"".s"."-h"`), [2]);
    assert.deepEqual(await ask('four', 'select id as value from mine'), [1]);
  });

  test('a partitioned table brings its partitions, in which its rows are', async () => {
    const comparison = await restore('five', tables(['public', 'log']));

    assert.equal(comparison?.itemsCompared, 150);
    assert.deepEqual(await ask('five', 'select count(*)::int as value from log'), [150]);
  });

  test('a table that exists is left alone without the flag', async () => {
    await assert.rejects(restore('shop', tables(['archive', 'old'])), {
      code: 'target-not-empty',
      message: /table 'archive.old'/,
      hint: /--replace/,
    });
  });

  test('with the flag it is replaced in one step, and the old one is gone', async () => {
    await run(server, 'shop', 'delete from archive.old where id > 10');

    const comparison = await restore('shop', tables(['archive', 'old']), { replace: true });

    assert.match(comparison?.remarks.join() ?? '', /replaced table 'archive.old'/);
    assert.deepEqual(await ask('shop', 'select count(*)::int as value from archive.old'), [50]);
    assert.deepEqual(await ask('shop', `select nspname as value from pg_namespace where nspname like 'holdfast%'`), []);
  });

  test('a rehearsal takes all of it back', async () => {
    await run(server, 'shop', 'delete from archive.old where id > 10');

    const comparison = await restore('shop', tables(['archive', 'old']), { replace: true, cutOver: false });

    assert.equal(comparison?.same, true);
    assert.deepEqual(await ask('shop', 'select count(*)::int as value from archive.old'), [10]);
    await restore('shop', tables(['archive', 'old']), { replace: true });
  });

  test('a table that others refer to is not replaced under their feet', async () => {
    await assert.rejects(restore('shop', tables(['public', 'customer']), { replace: true }), {
      code: 'preflight-failed',
      message: /foreign key purchase_customer_fkey of public.purchase refers to it/,
    });
    await assert.rejects(restore('shop', tables(['public', 'purchase']), { replace: true }), {
      message: /view public.open_purchase reads it/,
    });
  });

  test('when the new table differs from the backup, the old one is as it was', async () => {
    await run(server, 'shop', `update archive.old set name = 'kept' where id = 1`);
    const content = saved.record.content;
    assert.ok(content);
    const wrong = content.tables.map((table) => (table.schema === 'archive' ? { ...table, rows: 49 } : table));
    const from = { ...saved, record: { ...saved.record, content: { ...content, tables: wrong } } };

    await assert.rejects(restore('shop', tables(['archive', 'old']), { replace: true }, from), {
      code: 'comparison-failed',
      message: /table 'archive.old' has 50 rows, in the backup 49/,
    });

    assert.deepEqual(await ask('shop', 'select name as value from archive.old where id = 1'), ['kept']);
  });

  test('somebody who holds the old table is waited for no longer than the lock timeout', async () => {
    await using holder = await session(server, 'shop');
    await holder.query('begin; select * from archive.old limit 1');

    await assert.rejects(restore('shop', tables(['archive', 'old']), { replace: true }), { code: 'source-busy' });

    await holder.query('rollback');
  });

  test('a name that the backup lacks is refused, with those that it has', async () => {
    await assert.rejects(restore('six', tables(['public', 'customers'])), {
      code: 'usage',
      message: "the backup has no table 'public.customers'",
      hint: /'public.customer'/,
    });
    await assert.rejects(restore('six', chosen({ schemas: ['sales'] })), {
      message: "the backup has no schema 'sales'",
    });
  });

  test('a script is refused, with what can be done instead', async () => {
    await assert.rejects(restore('six', tables(['public', 'customer']), {}, script), {
      code: 'usage',
      message: /it is an SQL script/,
      hint: /under another name/,
    });
  });
});
