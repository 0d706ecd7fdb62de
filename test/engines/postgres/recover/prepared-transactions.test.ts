import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import type { PostgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { contextFor, session } from '../run-engine.ts';
import { into, openFolder, type TestBase, takeBase } from './cluster-source.ts';
import { serverWithPrepared } from './prepared-source.ts';

for (const major of [13, 15, 17] as const) {
  suite(`recovering a cluster of PostgreSQL ${major} to a point with prepared transactions`, {
    concurrency: false,
  }, () => {
    const place = openFolder('prepared');
    let server: PostgresServer;
    let base: TestBase;

    before(async () => {
      server = await serverWithPrepared(major, {
        tables: 'create table altered (id int primary key); create table calm (id int primary key)',
        prepared: {
          written: "insert into item values (2001, 'prepared')",
          locked: 'alter table altered add column name text',
        },
      });
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      base = await takeBase(server, path.join(place.path, 'base'), { major });
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    });

    test('waits for none of them: what they have locked is read as far as it can be, and they go on', async () => {
      const folder = path.join(place.path, 'recovered');
      using context = contextFor(server);

      const { restored } = await restoreCluster(context, {
        ...{ streams: into(base, folder), source: {}, replace: false },
      });

      const remarks = restored[0]?.comparison.remarks.join('\n') ?? '';
      assert.match(
        remarks,
        /^database 'postgres': \d tables and indexes were not checked: prepared transactions have locked them \(pg_prepared_xacts\)$/m,
      );
      assert.ok(context.events.some(({ detail }) => detail === 'postgres public.item_pkey'));
      assert.ok(!context.events.some(({ detail }) => detail === 'postgres public.altered_pkey'));
      await using started = await startOn(folder, server.binDir, { max_prepared_transactions: '10' });
      await using client = await session(started, 'postgres');
      await client.query("commit prepared 'written'");
      await client.query("commit prepared 'locked'");
      const { rows } = await client.query<{ items: number; altered: string | null }>(
        'select (select count(*)::int from item) as items, (select max(name) from altered) as altered',
      );
      assert.deepEqual(rows, [{ items: 2001, altered: null }]);
    });
  });
}
