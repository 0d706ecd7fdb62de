import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { withSql } from '../wal/receiver/receiving.ts';
import { runCli } from './run-cli.ts';
import { backUp } from './take-backup.ts';

for (const major of [15, 18] as const)
  suite(`a cluster of ${major} with a page that was damaged on its source`, { concurrency: false }, () => {
    let server: PostgresServer;
    let folder: string;
    let config: string;
    let backupId: string;
    let page: string;

    before(async () => {
      server = await postgresServer({ major });
      folder = mkdtempSync(path.join(tmpdir(), 'holdfast-damaged-'));
      chmodSync(folder, 0o755);
      mkdirSync(path.join(folder, 'vault'));
      writeFileSync(path.join(folder, 'password'), server.password, { mode: 0o600 });
      config = path.join(folder, 'holdfast.yaml');
      writeFileSync(
        config,
        `store: { kind: file, path: ./vault }
encryption: { keys: key-file }
targets:
  - name: shop
    engine: postgres
    connection: { host: 127.0.0.1, port: ${server.port}, user: ${server.user}, password: { file: password }, sslmode: disable }
`,
      );
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      const file = await withSql(server, async (client) => {
        await client.query(
          `create table good as select id from generate_series(1, 5000) id;
           create table bad as select id from generate_series(1, 5000) id;
           create index bad_id on bad (id)`,
        );
        await client.query('checkpoint');
        const { rows } = await client.query<{ file: string }>(`select pg_relation_filepath('bad') as file`);
        return rows[0]?.file ?? assert.fail();
      });
      await server.stop();
      const handle = openSync(path.join(server.dataDir, file), 'r+');
      writeSync(handle, Buffer.from('damage'), 0, 6, 3 * 8192 + 4000);
      closeSync(handle);
      await server.start();
      page = `block 3 of postgres.public.bad (${file})`;
      ({ backupId } = await backUp(config, { method: 'base' }));
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      if (folder) rmSync(folder, { recursive: true, force: true });
    });

    for (const [what, extra] of [
      ['recovered and examined', []],
      ['recovered and not examined', ['--comparison', 'loaded']],
      ['unpacked alone', ['--no-start']],
    ] as const)
      test(`is restored, ${what}, with word of the page, and everything else is there`, async () => {
        const into = path.join(folder, what.replaceAll(' ', '-'));

        const restored = await runCli(['restore', backupId, '--as', into, ...extra, '--config', config]);

        assert.equal(restored.exitCode, 0, restored.stderr);
        const told = `  the backup is partial: '${page}' has a content that is not what its checksum says: look at that machine's disk and memory (1 in all; 'holdfast show ${backupId}' lists them)`;
        assert.ok(restored.stdout.split('\n').includes(told), restored.stdout);
        if (extra.length === 0) {
          assert.match(restored.stdout, /^ {2}1 tables and indexes are sound$/m);
          assert.match(
            restored.stdout,
            /^ {2}as on the source, not to be read as a whole: .* table public\.bad: invalid page .* index public\.bad_id: /m,
          );
        }
        await using copy = await startOn(into, server.binDir);
        await using client = await session(copy, 'postgres');
        await assert.rejects(client.query('select count(*) from bad'), /invalid page in block 3 of relation/);
        const { rows } = await client.query('select count(*)::int as count from good');
        assert.deepEqual(rows, [{ count: 5000 }]);
      });
  });
