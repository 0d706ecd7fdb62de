import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Manifest } from '../../lib/core/manifest.ts';
import { serverAccount } from '../../lib/servers/server-account.ts';
import { temporaryFolder } from '../engines/postgres/base/temporary-folder.ts';
import { startUnpacked, unpackBase } from '../engines/postgres/base/unpack-base.ts';
import { run, session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { type Installation, openInstallation, sourceTarget } from './installation.ts';
import { readBack } from './read-back.ts';

for (const major of [13, 15, 16] as const) {
  suite(`incremental backups of PostgreSQL ${major}, by WAL range, through the runner`, { concurrency: false }, () => {
    const stack = new AsyncDisposableStack();
    let server: PostgresServer;
    let installation: Installation;
    before(async () => {
      server = stack.use(await postgresServer({ major, settings: { max_slot_wal_keep_size: '256MB' } }));
      process.env['BASE_PASSWORD'] = server.password;
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      const connection = `{ host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { env: BASE_PASSWORD }, sslmode: disable }`;
      const backups = `[{ tier: daily, method: incremental, schedule: "0 1 * * *" }]`;
      const targets = `  - { name: source, engine: postgres, connection: ${connection}, backups: ${backups} }\n`;
      installation = stack.use(await openInstallation({ algorithm: 'aes-256-gcm', targets }));
      await run(server, 'postgres', `create tablespace elsewhere location '${temporaryFolder(stack)}'`);
      await run(server, 'postgres', 'create table steps (step int) tablespace elsewhere');
    });
    after(() => stack.disposeAsync());

    let steps = 0;
    const backUp = async (method: 'base' | 'incremental'): Promise<Manifest> => {
      steps += 1;
      await run(server, 'postgres', `insert into steps values (${steps})`);
      const format = method === 'base' ? 'base' : 'blocks';
      return installation.backUp({ method, format, execution: `step-${steps}` });
    };
    const taken: Manifest[] = [];

    test('each holds the WAL since the one before it, however much the server has recycled', async () => {
      taken.push(await backUp('base'));
      await run(server, 'postgres', 'create table filler (t text)');
      for (let round = 0; round < 3; round++) {
        await run(server, 'postgres', `insert into filler select repeat('x', 1000) from generate_series(1, 20000)`);
        await run(server, 'postgres', 'checkpoint');
      }
      taken.push(await backUp('incremental'), await backUp('incremental'));

      assert.deepEqual(
        taken.map(({ parent }) => parent),
        [null, taken[0]?.backupId, taken[1]?.backupId],
      );
      const ranges = taken.map(({ streams }) => streams.find(({ kind }) => kind === 'cluster')?.facts);
      assert.equal(ranges[2]?.['startLsn'], ranges[1]?.['endLsn']);
      for (const manifest of taken.slice(1)) {
        assert.deepEqual(
          manifest.streams.map(({ stream, format }) => [stream, format]),
          [['cluster', 'pg-wal']],
        );
        assert.deepEqual((await installation.validate(manifest)).problems, []);
      }
    });

    test('unpacked over the base, they recover to the last of them', async () => {
      await using folders = new AsyncDisposableStack();
      const folder = temporaryFolder(folders);
      const data = await unpackBase(await readBack(installation, taken[0] as Manifest), folder);
      for (const [index, manifest] of taken.slice(1).entries()) {
        const beside = path.join(folder, `range-${index}`);
        mkdirSync(beside);
        const unpacked = await unpackBase(await readBack(installation, manifest), beside);
        cpSync(path.join(unpacked, 'pg_wal'), path.join(data, 'pg_wal'), { recursive: true });
      }
      const account = serverAccount();
      if (account) await promisify(execFile)('chown', ['-R', `${account.uid}:${account.gid}`, data]);

      await using copy = await startUnpacked(data, major);

      await using client = await session(copy, 'postgres');
      const { rows } = await client.query('select array_agg(step order by step) as steps from steps');
      assert.deepEqual(rows, [{ steps: [1, 2, 3] }]);
    });

    test('the restore puts base and ranges together', async () => {
      await using folders = new AsyncDisposableStack();
      const place = temporaryFolder(folders);
      const as = path.join(place, 'restored');
      const from = String(taken[0]?.streams[0]?.facts['oid']);

      const restored = await installation.restore(taken[2] as Manifest, {
        ...{ into: sourceTarget, as },
        folders: [{ from, to: path.join(place, 'elsewhere') }],
      });

      assert.equal(restored.databases.length, 1);
      await using copy = await postgresServer({ major, data: as });
      await using client = await session(copy, 'postgres');
      const { rows } = await client.query('select array_agg(step order by step) as steps from steps');
      assert.deepEqual(rows, [{ steps: [1, 2, 3] }]);
    });

    test('when the server had to throw WAL away, the next one asks for a base, and that begins anew', async () => {
      await run(server, 'postgres', 'alter system set max_slot_wal_keep_size = 16');
      await run(server, 'postgres', 'select pg_reload_conf()');
      for (let round = 0; round < 4; round++) {
        await run(server, 'postgres', `insert into filler select repeat('x', 1000) from generate_series(1, 30000)`);
        await run(server, 'postgres', 'checkpoint');
      }

      await assert.rejects(backUp('incremental'), { code: 'parent-unfit', hint: /max_slot_wal_keep_size/ });
      const base = await backUp('base');
      assert.equal((await backUp('incremental')).parent, base.backupId);
    });
  });
}
