import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { RestorePlan } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { incompleteMark } from '../../../../lib/engines/postgres/recover/data-folder.ts';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import type { PostgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { capture } from '../../saved-streams.ts';
import { contextFor, session } from '../run-engine.ts';
import { into, openFolder, type TestBase, takeBase } from './cluster-source.ts';
import { serverWithPrepared } from './prepared-source.ts';

const identifierOf = async (server: Parameters<typeof session>[0]): Promise<string> => {
  await using client = await session(server, 'postgres');
  const { rows } = await client.query<{ id: string }>('select system_identifier::text as id from pg_control_system()');
  return rows[0]?.id ?? assert.fail();
};

for (const major of [15, 17, 18] as const) {
  suite(`the identity of a cluster of PostgreSQL ${major} that was restored`, { concurrency: false }, () => {
    const place = openFolder('identity');
    let server: PostgresServer;
    let source: string;
    let base: TestBase;

    before(async () => {
      server = await serverWithPrepared(major, {
        tables: 'create table pledge (id int)',
        prepared: { open: 'insert into pledge values (1)' },
      });
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      source = await identifierOf(server);
      base = await takeBase(server, path.join(place.path, 'base'), { major });
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    });

    const restoreInto = async (name: string, over: Partial<RestorePlan> = {}) => {
      const folder = path.join(place.path, name);
      using context = contextFor(server);
      const result = await restoreCluster(context, {
        ...{ streams: into(base, folder), source: {}, replace: false },
        ...over,
      });
      return { folder, reached: result.reached, remarks: result.restored[0]?.comparison.remarks.join('\n') ?? '' };
    };
    /** What the server's own program says of a folder, stopped in order. */
    const controlOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
      const program = path.join(server.binDir, 'pg_controldata');
      const { stdout } = await promisify(execFile)(program, [folder], { env: { LC_ALL: 'C' } });
      return Object.fromEntries(
        stdout.split('\n').map((line) => [line.split(/:\s+/, 1)[0], line.replace(/^[^:]*:\s+/, '')]),
      );
    };
    /** What the first page of each segment says whose it is. */
    const ownersOfWal = (folder: string): ReadonlySet<string> =>
      new Set(
        readdirSync(path.join(folder, 'pg_wal'))
          .filter((name) => /^[0-9A-F]{24}$/.test(name))
          .map((name) =>
            readFileSync(path.join(folder, 'pg_wal', name))
              .readBigUInt64LE(24)
              .toString(),
          ),
      );

    test('is that of its source on a timeline of its own, unless another is asked for', async () => {
      const { folder, remarks } = await restoreInto('kept');

      const control = await controlOf(folder);
      assert.equal(control['Database system identifier'], source);
      assert.equal(control["Latest checkpoint's TimeLineID"], '2');
      assert.doesNotMatch(remarks, /system identifier/);
    });

    test('is a new one when that is asked for, and it is a sound server like any other', async () => {
      const beganAt = Math.floor(Date.now() / 1000);
      const { folder, reached, remarks } = await restoreInto('new', { newIdentity: true });

      const [, said = ''] =
        /^its system identifier is now (\d+); standbys of the source cannot follow it$/m.exec(remarks) ?? [];
      const control = await controlOf(folder);
      assert.equal(control['Database system identifier'], said);
      assert.equal(control['Database cluster state'], 'shut down');
      assert.equal(control["Latest checkpoint's TimeLineID"], '2');
      assert.equal(reached?.timeline, 2);
      assert.notEqual(said, source);
      // Like those of initdb, it says when it was made.
      const madeAt = Number(BigInt(said) >> 32n);
      assert.ok(madeAt >= beganAt && madeAt <= Date.now() / 1000, `${madeAt} is not since ${beganAt}`);
      assert.deepEqual(ownersOfWal(folder), new Set([said]));
      assert.match(remarks, /^\d+ tables and indexes are sound$/m);
      assert.ok(existsSync(path.join(folder, 'pg_wal', 'archive_status', '00000002.history.ready')));

      await using started = await startOn(folder, server.binDir, { max_prepared_transactions: '10' });
      assert.equal(await identifierOf(started), said);
      await using client = await session(started, 'postgres');
      await client.query("commit prepared 'open'");
      await client.query("insert into item select n, 'later' from generate_series(2001, 4000) n");
      await client.query('checkpoint');
      const { rows } = await client.query<{ items: number; pledges: number }>(
        'select (select count(*)::int from item) as items, (select count(*)::int from pledge) as pledges',
      );
      assert.deepEqual(rows, [{ items: 4000, pledges: 1 }]);
      const { host, port, user, password } = started;
      await promisify(execFile)(
        path.join(server.binDir, 'pg_amcheck'),
        ['--all', '--install-missing', '--heapallindexed', '--host', host, '--port', String(port), '--username', user],
        { env: { PGPASSWORD: password, LC_ALL: 'C' } },
      );

      using context = contextFor(started);
      const engine = postgresEngine();
      const saved = await capture(engine, context, { method: 'base', format: 'base' });
      const cluster = saved.get('cluster') ?? assert.fail('there is no cluster');
      assert.equal(cluster.record.status, 'complete');
      assert.equal(cluster.record.facts?.['systemIdentifier'], said);
      assert.equal(cluster.record.facts?.['timeline'], 2);
      async function* bytes() {
        yield cluster.bytes;
      }
      assert.deepEqual(await engine.inspect(cluster.record, bytes(), context), cluster.record.content);
    });

    test('is another one each time', async () => {
      const copies = [];
      for (const name of ['first', 'second'])
        copies.push(await restoreInto(name, { newIdentity: true, comparison: 'loaded' }));

      const identifiers = new Set([source]);
      for (const { folder } of copies) identifiers.add((await controlOf(folder))['Database system identifier'] ?? '');
      assert.equal(identifiers.size, 3);
    });

    test('is not half of one after a crash: the folder is marked, and the next restore into it begins anew', async () => {
      const folder = path.join(place.path, 'killed');
      const child = spawn(
        process.execPath,
        [path.join(import.meta.dirname, 'restore-and-die.ts'), place.path, folder, 'identity'],
        { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, HOLDFAST_PG_BIN: server.binDir } },
      );
      const [, signal] = await once(child, 'exit');
      assert.equal(signal, 'SIGKILL');
      assert.ok(readdirSync(folder).includes(incompleteMark));

      await restoreInto('killed');

      assert.equal((await controlOf(folder))['Database system identifier'], source);
      assert.equal(readdirSync(folder).includes(incompleteMark), false);
    });
  });
}
