import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecoveryPoint } from '../../../../lib/core/recovery-point.ts';
import type { LogReader, RestorePlan } from '../../../../lib/engines/engine.ts';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { archiveInto, folderLog, into, openFolder, type TestBase, takeBase } from './cluster-source.ts';

for (const major of [13, 15, 17, 18] as const) {
  suite(`recovering a cluster of PostgreSQL ${major}`, { concurrency: false }, () => {
    const place = openFolder('recover');
    const archive = path.join(place.path, 'archive');
    let server: PostgresServer;
    let base: TestBase;
    let log: LogReader;
    /** When three of five rows were there, and what the server called these moments. */
    let third: { readonly time: string; readonly lsn: string; readonly xid: string };

    before(async () => {
      chmodSync(place.path, 0o777);
      mkdirSync(archive);
      chmodSync(archive, 0o777);
      server = await postgresServer({
        major,
        settings: { archive_mode: 'on', archive_command: archiveInto(archive), max_wal_senders: '4' },
      });
      const folder = path.join(server.dataDir, '..', 'fast');
      await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${folder}'`);
      await run(server, 'postgres', `create tablespace fast location '${folder}'`);
      await run(server, 'postgres', 'create database orders');
      await run(
        server,
        'orders',
        `create table item (id int primary key, name text) tablespace fast;
         create table wide as select n, repeat(md5(n::text), 60) as text from generate_series(1, 2000) n`,
      );
      base = await takeBase(server, path.join(place.path, 'base'), { major });
      log = folderLog(archive);
      await run(server, 'orders', "insert into item values (1, 'one')");
      await run(server, 'orders', "insert into item values (2, 'two')");
      await using client = await session(server, 'orders');
      await client.query('begin');
      const { rows: ids } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
      await client.query("insert into item values (3, 'three')");
      await client.query('commit');
      await client.query("select pg_create_restore_point('before the accident')");
      const { rows } = await client.query<{ time: string; lsn: string }>(
        `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time,
                pg_current_wal_insert_lsn()::text as lsn`,
      );
      third = { time: '', lsn: '', ...rows[0], xid: ids[0]?.xid ?? '' };
      await client.query("insert into item values (4, 'four')");
      await client.query("insert into item values (5, 'five')");
      await client.query('select pg_switch_wal()');
      await archived(archive, 3);
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    });

    const recoverTo = async (name: string, over: Partial<RestorePlan>) => {
      const folder = path.join(place.path, name);
      using context = contextFor(server, { parallelJobs: 2 });
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      const result = await restoreCluster(context, {
        streams: into(base, folder),
        source: {},
        replace: false,
        log,
        ...over,
      });
      return { folder, result, events: context.events };
    };
    const itemsIn = async (folder: string): Promise<number[]> => {
      await using started = await startOn(folder, server.binDir);
      await using client = await session(started, 'orders');
      const { rows } = await client.query<{ id: number }>('select id from item order by id');
      return rows.map(({ id }) => id);
    };

    for (const [name, point, expected] of [
      ['a time', () => ({ kind: 'time', value: third.time }), [1, 2, 3]],
      ['an LSN', () => ({ kind: 'lsn', value: third.lsn }), [1, 2, 3]],
      ['a restore point', () => ({ kind: 'name', value: 'before the accident' }), [1, 2, 3]],
      ['a transaction', () => ({ kind: 'transaction', value: third.xid }), [1, 2, 3]],
      ['just before a transaction', () => ({ kind: 'transaction', value: third.xid, isExclusive: true }), [1, 2]],
      ['the latest point', () => ({ kind: 'latest' }), [1, 2, 3, 4, 5]],
      ["the backup's own point", () => ({ kind: 'immediate' }), []],
    ] as const satisfies readonly (readonly [string, () => RecoveryPoint, readonly number[]])[]) {
      test(`${name} is reached, and what is there is sound and goes on along a timeline of its own`, async () => {
        const { folder, result } = await recoverTo(`to ${name}`, { point: point() });

        const [restored] = result.restored;
        assert.equal(restored?.database, folder);
        assert.equal(restored?.comparison.same, true);
        assert.match(restored?.comparison.remarks.join('\n') ?? '', /^\d+ tables and indexes are sound$/m);
        assert.equal(result.reached?.timeline, 2);
        assert.deepEqual(await itemsIn(folder), expected);
        assert.deepEqual(
          readdirSync(folder).filter((file) => /holdfast/i.test(file)),
          [],
        );
        assert.equal(statSync(folder).mode & 0o777, 0o700);
        assert.match(readFileSync(path.join(folder, 'postgresql.auto.conf'), 'utf8'), /^archive_mode = 'off'$/m);
      });
    }

    test('a point that nothing in the log reaches is refused with the last one that can be', async () => {
      const wanted = recoverTo('later', { point: { kind: 'time', value: '2099-01-01T00:00:00.000Z' } });

      await assert.rejects(wanted, (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'point-unreachable');
        assert.match(
          error.message,
          /^time 2099-01-01T00:00:00.000Z was not reached: the log ends at 0\/[0-9A-F]+, its last transaction was committed at 20.*; segment '[0-9A-F]{24}' is not in the store$/,
        );
        return true;
      });
      assert.equal(existsSync(path.join(place.path, 'later')), false);
    });
  });
}

async function archived(folder: string, count: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (readdirSync(folder).filter((name) => /^[0-9A-F]{24}$/.test(name)).length >= count) return;
    await delay(50);
  }
  throw new Error(`only these were archived: ${readdirSync(folder).join(', ')}`);
}
