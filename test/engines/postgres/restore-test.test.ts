import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Assertion } from '../../../lib/core/assertions.ts';
import { HoldfastError } from '../../../lib/core/errors.ts';
import type { RestoreTestPlan } from '../../../lib/engines/engine.ts';
import { checkRelations } from '../../../lib/engines/postgres/amcheck.ts';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { findServerPrograms } from '../../../lib/engines/postgres/server-programs.ts';
import { openTestServer } from '../../../lib/engines/postgres/test-server.ts';
import { embeddedPrograms } from '../../../lib/local/embedded-programs.ts';
import { readPostmaster } from '../../../lib/servers/postmaster.ts';
import { serverAccount } from '../../../lib/servers/server-account.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { contextFor, run, session, testTools } from './run-engine.ts';

const engine = postgresEngine({ findTools: testTools });
const leftovers = () => globSync('holdfast-test-*', { cwd: tmpdir() });
const usualTmpdir = process.env['TMPDIR'];

suite('testing a backup of PostgreSQL by restoring it', { concurrency: false }, () => {
  let server: PostgresServer;
  let saved: ReadonlyMap<string, Saved>;
  before(async () => {
    // Other tests have test servers too, at the same time.
    const own = mkdtempSync(path.join(tmpdir(), 'hf-'));
    // As /tmp is: the account of the servers removes its own folders.
    chmodSync(own, 0o1777);
    process.env['TMPDIR'] = own;
    server = await postgresServer({ major: 17 });
    const folder = path.join(server.dataDir, 'holdfast-tablespace');
    await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${folder}'`);
    await run(server, 'postgres', `create role keeper login password 'keeps'`);
    await run(server, 'postgres', `create tablespace fast owner keeper location '${folder}'`);
    await run(server, 'postgres', 'create database orders owner keeper');
    await run(server, 'postgres', 'create table note as select 1 as id');
    await run(
      server,
      'orders',
      `create table item (id int primary key, placed timestamptz not null, name text) tablespace fast;
       insert into item select n, now() - n * interval '1 hour', repeat('name ' || n, 900) from generate_series(1, 1000) n;
       create index item_name on item (md5(name));
       alter table item enable row level security; alter table item owner to keeper;
       revoke connect on database orders from public`,
    );
    using context = contextFor(server, { connection: { databases: ['orders', 'postgres'] } });
    saved = await capture(engine, context);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(tmpdir(), { recursive: true });
    if (usualTmpdir === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usualTmpdir;
  });

  /** A plan of the backup with what a test is about; `change` alters what the manifest says of a stream. */
  function planOf(
    over: Partial<RestoreTestPlan> & { readonly change?: (saved: Saved) => Saved } = {},
  ): RestoreTestPlan & { readonly told: string[] } {
    const { change = (one: Saved) => one, ...others } = over;
    const told: string[] = [];
    return {
      source: {},
      streams: [...saved.values()].map((one) => planned(change(one), one.record.name)),
      options: {},
      assertions: [],
      assertionTimeoutSeconds: 60,
      onRestored: () => told.push('restored'),
      told,
      ...others,
    };
  }
  const testIt = async (plan: RestoreTestPlan, signal?: AbortSignal) => {
    using context = contextFor(server, { ...(signal && { signal }) });
    return await engine.restoreTest(context, plan);
  };
  const assertion = (sql: string, expect: Assertion['expect'], database = 'orders'): Assertion => ({
    name: sql.slice(0, 20),
    database,
    sql,
    expect,
  });

  test('every database comes back with its roles and tablespaces, is the same, and is sound', async () => {
    const plan = planOf({
      assertions: [
        assertion('select count(*) from item', { equals: 1000 }),
        assertion('select max(placed) from item;', { withinHours: 2 }),
        assertion('select id from note', { rows: [[1]] }, 'postgres'),
        assertion("select tablespace from pg_tables where tablename = 'item'", { equals: 'fast' }),
      ],
    });
    const before = leftovers();

    const result = await testIt(plan);

    assert.deepEqual(
      result.restored.map(
        ({ database, comparison }) => `${database} ${comparison.same} ${comparison.collectionsCompared}`,
      ),
      [' true 0', 'orders true 1', 'postgres true 1'],
    );
    assert.match(result.serverVersion, /^17\./);
    // Of orders a table, its TOAST table with its index, and two indexes; of postgres a table.
    assert.equal(result.relations, 6);
    assert.deepEqual(result.problems, []);
    assert.ok(result.restoreSeconds > 0);
    assert.deepEqual(plan.told, ['restored']);
    assert.deepEqual(leftovers(), before);
  });

  test('a database that was set to take no writes is gone through too', async () => {
    await run(server, 'postgres', 'create database archive');
    await run(server, 'archive', 'create table old (id int primary key)');
    await run(server, 'postgres', 'alter database archive set default_transaction_read_only = on');
    using context = contextFor(server, { connection: { databases: ['archive'] } });
    const archive = (await capture(engine, context)).get('archive');

    const { relations, problems } = await testIt({ ...planOf(), streams: [planned(archive, 'archive')] });

    assert.deepEqual([relations, problems], [2, []]);
    await run(server, 'postgres', 'drop database archive');
  });

  test('a backup that is a script comes back too, and is the same', async () => {
    using context = contextFor(server, { connection: { databases: ['orders'] } });
    const scripts = await capture(engine, context, { method: 'logical', format: 'sql' });
    const streams = [...scripts.values()].map((one) => planned(one, one.record.name));

    const result = await testIt(
      planOf({ streams, assertions: [assertion('select count(*) from item', { equals: 1000 })] }),
    );

    assert.deepEqual(
      result.restored.map(
        ({ database, comparison }) => `${database} ${comparison.same} ${comparison.collectionsCompared}`,
      ),
      [' true 0', 'orders true 1'],
    );
    assert.deepEqual(result.problems, []);
  });

  test('an assertion that does not hold is named with what was expected and found, and the others are asked', async () => {
    const { problems } = await testIt(
      planOf({
        options: { amcheck: false },
        assertions: [
          assertion('select count(*) from item', { min: 2000 }),
          assertion('select 1', { equals: 1 }),
          assertion('select 1', { equals: 1 }, 'stock'),
          assertion('select nothing', { equals: 1 }),
          assertion('delete from item returning 1', { equals: 1 }),
          assertion('select 1; drop table item', { equals: 1 }),
          assertion('select name::int from item where id = 1', { equals: 1 }),
          assertion('select pg_read_file($$/etc/passwd$$)', { min: 0 }),
        ],
      }),
    );

    assert.deepEqual(
      problems.map(({ code, message }) => `${code} ${message}`),
      [
        "assertion-failed assertion 'select count(*) from': expected at least 2000, found '1000'",
        "assertion-failed assertion 'select 1': the backup holds no database 'stock'",
        `assertion-failed assertion 'select nothing': could not be asked: column "nothing" does not exist`,
        `assertion-failed assertion 'delete from item ret': could not be asked: syntax error at or near "delete"`,
        "assertion-failed assertion 'select 1; drop table': could not be asked: cannot insert multiple commands into a prepared statement",
        "assertion-failed assertion 'select name::int fro': could not be asked: SQLSTATE '22P02'",
        "assertion-failed assertion 'select pg_read_file(': could not be asked: permission denied for function pg_read_file",
      ],
    );
  });

  test('an assertion that takes too long has failed, and the test goes on', async () => {
    const { problems } = await testIt(
      planOf({
        options: { amcheck: false },
        assertionTimeoutSeconds: 1,
        assertions: [assertion('select pg_sleep(60)', { rowCount: 1 }), assertion('select 2', { equals: 3 })],
      }),
    );

    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        "assertion 'select pg_sleep(60)': gave no answer within 1 seconds",
        "assertion 'select 2': expected '3', found '2'",
      ],
    );
  });

  test('a copy that is not what the manifest says is refused', async () => {
    const change = (one: Saved): Saved => {
      const [table, ...tables] = one.record.content?.tables ?? [];
      if (one.record.name !== 'orders' || table === undefined) return one;
      const content = { ...one.record.content, tables: [{ ...table, rows: table.rows + 1 }, ...tables] };
      return { ...one, record: { ...one.record, content } };
    };

    await assert.rejects(testIt(planOf({ change })), (error: HoldfastError) => {
      assert.equal(error.code, 'comparison-failed');
      assert.match(error.message, /table 'public\.item' has 1000 rows, in the backup 1001/);
      return true;
    });
  });

  test('an archive with a flipped bit fails, and leaves neither server nor folder', async () => {
    const before = leftovers();
    const change = (one: Saved): Saved => {
      const bytes = Buffer.from(one.bytes);
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return one.record.name === 'orders' ? { ...one, bytes } : one;
    };

    await assert.rejects(testIt(planOf({ change })));
    assert.deepEqual(leftovers(), before);
  });

  test('what the backup needs and the place lacks is no fault of the backup', async () => {
    const extension = { name: 'postgis', version: '3.5.0', schema: 'public' };
    const change = (one: Saved): Saved =>
      one.record.name === 'orders'
        ? { ...one, record: { ...one.record, facts: { ...one.record.facts, extensions: [extension] } } }
        : one;

    await assert.rejects(testIt(planOf({ change })), {
      code: 'not-testable',
      message: "not testable here: the server has no extension 'postgis'",
    });
  });

  test('a backup that cannot fit is refused before anything is made, with what is missing', async () => {
    const before = leftovers();
    const change = (one: Saved): Saved =>
      one.record.name === 'orders'
        ? { ...one, record: { ...one.record, facts: { ...one.record.facts, sizeBytes: 2 ** 52 } } }
        : one;

    await assert.rejects(testIt(planOf({ change })), (error: HoldfastError) => {
      assert.equal(error.code, 'test-disk-too-small');
      assert.match(error.message, /needs 4724465\d+ MiB of disk at '.*', and \d+ MiB are free/);
      return true;
    });
    assert.deepEqual(leftovers(), before);
  });

  test('a backup of a version that no server here is of, or newer, names what to install', async () => {
    const wanted = findServerPrograms(18, {
      account: serverAccount(),
      findTools: testTools,
      folders: [server.binDir],
      elsewhere: () => [],
    });

    await assert.rejects(wanted, (error: HoldfastError) => {
      assert.equal(error.code, 'tool-missing');
      assert.equal(error.message, 'no PostgreSQL server 18 or newer, with its client tools, was found');
      assert.match(error.hint, /apt-get install postgresql-18/);
      return true;
    });
  });

  test('the nearest newer version stands in for one that is not here', async () => {
    const found = await findServerPrograms(16, {
      account: serverAccount(),
      findTools: async (major) =>
        major === 17 ? testTools(17) : Promise.reject(new HoldfastError('tool-missing', '')),
      folders: [server.binDir],
      elsewhere: () => [],
    });

    assert.equal(found.major, 17);
  });

  test('a test that is stopped in the middle of an assertion ends at once and leaves nothing', async () => {
    const before = leftovers();
    const stop = new AbortController();
    const plan = planOf({
      options: { amcheck: false },
      assertions: [assertion('select pg_sleep(60)', { rowCount: 1 })],
    });
    using context = contextFor(server, {
      signal: stop.signal,
      progress: ({ phase }) => {
        if (phase === 'assertions') setImmediate(() => stop.abort(new HoldfastError('stopped', 'stopped by the test')));
      },
    });

    await assert.rejects(engine.restoreTest(context, plan));
    assert.deepEqual(leftovers(), before);
  });

  test('an index that lacks a row of its table is found, and the finding holds no value', async () => {
    await run(server, 'postgres', 'create database damaged');
    await run(
      server,
      'damaged',
      `create function f(int) returns int immutable language sql as 'select $1';
       create table secret as select 424242 as value; create index secret_f on secret (f(value));
       create or replace function f(int) returns int immutable language sql as 'select $1 + 1'`,
    );
    await using client = await session(server, 'damaged');

    const { relations, problems } = await checkRelations(client, () => {});

    assert.equal(relations, 2);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^index public\.secret_f: heap tuple .* lacks matching index tuple/);
    assert.doesNotMatch(problems.join(), /424242/);
  });

  test('a process that is killed takes its server and the folder with it', async () => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'open-server-and-wait.ts')], {
      env: { ...process.env, HOLDFAST_PG_BIN: server.binDir },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const folder = chunk.toString().trim();
    const postmaster = readPostmaster(path.join(folder, 'data'));
    assert.ok(postmaster?.isReady);

    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    for (let waited = 0; existsSync(folder) && waited < 600; waited++) await delay(50);

    assert.equal(existsSync(folder), false);
    assert.throws(() => process.kill(postmaster.pid, 0), { code: 'ESRCH' });
  });

  test('an extension that has to be preloaded is, and no setting makes the server public', async () => {
    const { problems } = await testIt(
      planOf({
        options: {
          amcheck: false,
          serverSettings: { shared_preload_libraries: 'pg_stat_statements', listen_addresses: '*' },
        },
        assertions: [
          assertion('show shared_preload_libraries', { equals: 'pg_stat_statements' }),
          // A setting of the library's own, which is there only when it is loaded.
          assertion("select count(*) from pg_settings where name = 'pg_stat_statements.max'", { equals: 1 }),
          assertion("select current_setting('listen_addresses')", { equals: '' }),
        ],
      }),
    );

    assert.deepEqual(
      problems.map(({ message }) => message),
      [`assertion 'show shared_preload_': could not be asked: syntax error at or near "show"`],
    );
  });

  test('the embedded server of the local stack does where there is no other', async () => {
    const account = serverAccount();
    const { postgres } = await embeddedPrograms(account);
    const elsewhere = () => [path.dirname(postgres)];
    const programs = await findServerPrograms(17, { account, findTools: testTools, folders: [], elsewhere });
    await using opened = await openTestServer({ programs, account, sizeBytes: 0 });
    await using client = await session({ ...opened.connection, password: '' }, 'postgres');

    const { problems, remarks } = await checkRelations(client, () => {});

    assert.equal(programs.major, 17);
    assert.deepEqual([problems, remarks], [[], []]);
  });

  test('nobody reaches the server but through the socket in its private folder', async () => {
    const account = serverAccount();
    const programs = await findServerPrograms(17, { account, findTools: testTools, folders: [server.binDir] });
    await using opened = await openTestServer({ programs, account, sizeBytes: 0 });
    await using client = await session({ ...opened.connection, password: '' }, 'postgres');

    const { rows } = await client.query<{ setting: string }>('show listen_addresses');

    assert.deepEqual(rows, [{ listen_addresses: '' }]);
    assert.equal((await client.query('select inet_server_addr() as address')).rows[0].address, null);
  });
});
