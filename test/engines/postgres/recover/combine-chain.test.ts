import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { contentOf, type Link, makeTables, readerOf } from '../chain.ts';
import { contextFor, run } from '../run-engine.ts';
import { into, openFolder, type TestBase, takeBase } from './cluster-source.ts';

for (const major of [17, 18] as const) {
  suite(`recovering a chain of incremental backups of PostgreSQL ${major}`, { concurrency: false }, () => {
    const place = openFolder('chain');
    let server: PostgresServer;
    const chain: TestBase[] = [];
    before(async () => {
      process.env['HOLDFAST_PG_BIN'] = undefined;
      server = await postgresServer({ major, settings: { summarize_wal: 'on', max_wal_senders: '4' } });
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      await makeTables(server);
      for (const [index, change] of [
        undefined,
        'update wide set version = 1 where id % 100 = 0; update quick set version = 1 where id < 100',
        'delete from wide where id > 15000; vacuum wide; insert into quick select n, 2 from generate_series(5001, 6000) n',
        "create table late as select 'late' as text; update wide set version = 3 where id = 1",
      ].entries()) {
        for (const statement of change?.split('; ') ?? []) await run(server, 'postgres', statement);
        const folder = path.join(place.path, String(index));
        mkdirSync(folder);
        const before = path.join(place.path, String(index - 1), 'backup_manifest');
        const extra = index === 0 ? [] : [`--incremental=${before}`];
        chain.push(await takeBase(server, folder, { major, extra }));
      }
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    });

    test('the newest backup and the three that it builds on make the cluster that was backed up', async () => {
      const last = chain.at(-1) as TestBase;
      const folder = path.join(place.path, 'restored');
      using context = contextFor(server, { parallelJobs: 2 });

      const { restored } = await restoreCluster(context, {
        streams: into(last, folder),
        source: {},
        replace: false,
        reader: readerOf(chain.map(linkOf)),
        folders: [],
      });

      assert.match(restored[0]?.comparison.remarks.join('\n') ?? '', /^\d+ tables and indexes are sound$/m);
      await using started = await startOn(folder, server.binDir);
      assert.deepEqual(await contentOf(started), await contentOf(server));
      assert.deepEqual(
        readdirSync(folder).filter((name) => /holdfast|combined/i.test(name)),
        [],
      );
    });

    test('a chain that lacks one of its backups is refused by name, and leaves nothing', async () => {
      const last = chain.at(-1) as TestBase;
      const folder = path.join(place.path, 'torn');
      using context = contextFor(server);
      const [base, , second] = chain;

      const torn = restoreCluster(context, {
        streams: into(last, folder),
        source: {},
        replace: false,
        reader: readerOf([base, second, last].filter((one) => one !== undefined).map(linkOf)),
      });

      await assert.rejects(torn, { code: 'restore-failed', message: /^pg_combinebackup refuses the chain: / });
      assert.equal(readdirSync(place.path).includes('torn'), false);
    });
  });
}

const linkOf = ({ streams }: TestBase): Link => ({
  records: streams.map(({ record }) => record),
  async *read({ stream }) {
    const found = streams.find(({ record }) => record.stream === stream);
    if (found) yield* found.open();
  },
});
