import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { postgresServer } from '../../../servers/postgres.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { folderLog, into, openFolder, takeBase } from './cluster-source.ts';

test("a cluster whose superusers have names of the user's own is recovered and examined all the same", async () => {
  using place = openFolder('superuser');
  await using server = await postgresServer({ major: 17, settings: { max_wal_senders: '4' } });
  process.env['HOLDFAST_PG_BIN'] = server.binDir;
  const boss = {
    ...server,
    user: 'boss',
    password: 'boss',
    url: (database: string) => `postgresql://boss:boss@127.0.0.1:${server.port}/${database}`,
  };
  await run(
    server,
    'postgres',
    `create role boss superuser login password 'boss'; create table item as select 1 as id`,
  );
  {
    await using client = await session(boss, 'postgres');
    await client.query(`alter role "${server.user}" rename to "the ""first"""`);
  }
  const base = await takeBase(boss, path.join(place.path, 'base'), { major: 17 });
  using context = contextFor(server);

  const { restored, reached } = await restoreCluster(context, {
    ...{ streams: into(base, path.join(place.path, 'restored')), source: {}, replace: false },
    log: folderLog(place.path),
  });

  assert.match(restored[0]?.comparison.remarks.join('\n') ?? '', /^\d+ tables and indexes are sound$/m);
  assert.equal(reached?.timeline, 2);
});
