import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { restoreCluster } from '../../../../lib/engines/postgres/recover/restore-cluster.ts';
import { restoreOutOfCluster } from '../../../../lib/engines/postgres/recover/restore-out-of-cluster.ts';
import { findClientTools } from '../../../../lib/engines/postgres/tools.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { startOn } from '../../../servers/postgres-on-folder.ts';
import { combineBackups, unpackBase } from '../base/unpack-base.ts';
import { contentOf, type Link, makeTables, makeTablespace, readerOf } from '../chain.ts';
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
      await makeTablespace(server, 'brief');
      await run(
        server,
        'postgres',
        `create table gone tablespace brief as select n from generate_series(1, 5000) n;
         create table cleared as select n from generate_series(1, 5000) n`,
      );
      await inDataFolder(
        server,
        'echo secret > server.key && chmod 400 server.key && mkdir conf.d extra && touch extra/one',
      );
      for (const [index, change] of [
        undefined,
        'update wide set version = 1 where id % 100 = 0; update quick set version = 1 where id < 100',
        'delete from wide where id > 15000; vacuum wide; insert into quick select n, 2 from generate_series(5001, 6000) n; drop table gone; drop tablespace brief; truncate cleared',
        "create table late as select 'late' as text; update wide set version = 3 where id = 1; create database other",
      ].entries()) {
        for (const statement of change?.split('; ') ?? []) await run(server, 'postgres', statement);
        // What was a folder is a file in the next backup, and the other way round.
        if (index === 1)
          await inDataFolder(server, 'rmdir conf.d && echo late > conf.d && rm -r extra/one && mkdir extra/one');
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

      // The manifest lists neither WAL nor itself.
      const manifest = readFileSync(path.join(place.path, '3', 'backup_manifest'), 'utf8');
      const listed = (JSON.parse(manifest) as { Files: readonly unknown[] }).Files.length;
      assert.ok(Math.abs((restored[0]?.comparison.itemsCompared ?? 0) - listed) < 10);
      assert.match(restored[0]?.comparison.remarks.join('\n') ?? '', /^\d+ tables and indexes are sound$/m);
      await using started = await startOn(folder, server.binDir);
      assert.deepEqual(await contentOf(started), await contentOf(server));
      assert.deepEqual(
        readdirSync(folder).filter((name) => /holdfast|combined/i.test(name)),
        [],
      );
    });

    test('what a chain is unpacked to is to the byte what pg_combinebackup makes of it', async () => {
      const last = chain.at(-1) as TestBase;
      const folder = path.join(place.path, 'unpacked');
      using context = contextFor(server, { parallelJobs: 2 });
      const inputs: string[] = [];
      for (const [index, { streams }] of chain.entries()) {
        const input = path.join(place.path, `input-${index}`);
        const saved = streams.map(async ({ record, open }) => {
          const bytes = Buffer.concat(await Array.fromAsync(open()));
          return [record.name, { record, bytes }] as const;
        });
        inputs.push(await unpackBase(new Map(await Promise.all(saved)), input));
        copyFileSync(
          path.join(place.path, String(index), 'backup_manifest'),
          path.join(inputs.at(-1) ?? '', 'backup_manifest'),
        );
      }
      const combined = await combineBackups(server.binDir, inputs, path.join(place.path, 'combined'));

      await restoreCluster(context, {
        streams: into(last, folder),
        source: {},
        replace: false,
        reader: readerOf(chain.map(linkOf)),
        folders: [],
        start: false,
      });

      const [ours, theirs] = [folder, combined].map((one) => filesBelow(one));
      assert.ok((ours?.size ?? 0) > 1000);
      // The server's tool lets its owner write to every file of a combined backup; a copy is to be as its source was.
      const keys = [ours, theirs].map((files) => files?.get('server.key')?.split(' ')[1]);
      assert.deepEqual(keys, ['400', '600']);
      for (const files of [ours, theirs]) files?.delete('server.key');
      assert.deepEqual(ours, theirs);
    });

    test('a database out of the newest backup counts what was read of the three that it builds on', async () => {
      const last = chain.at(-1) as TestBase;
      using context = contextFor(server, { parallelJobs: 2 });

      const result = await restoreOutOfCluster(
        context,
        {
          streams: into(last, 'other_again'),
          source: {},
          replace: false,
          reader: readerOf(chain.map(linkOf)),
          selection: { databases: ['other'], schemas: [], tables: [], paths: [], withDependencies: false },
        },
        (wanted) => findClientTools(wanted),
      );

      const read = chain.slice(0, -1).flatMap(({ streams }) => streams.map(({ record }) => record.plainBytes));
      assert.equal(
        result.parentBytes,
        read.reduce((sum, bytes) => sum + bytes),
      );
    });

    test('a rehearsal that starts no server does not say that it has examined the copy', async () => {
      const last = chain.at(-1) as TestBase;
      using context = contextFor(server, { parallelJobs: 2 });

      const { restored } = await restoreCluster(context, {
        streams: into(last, path.join(place.path, 'rehearsed')),
        source: {},
        replace: false,
        reader: readerOf(chain.map(linkOf)),
        folders: [],
        start: false,
        cutOver: false,
      });

      assert.equal(
        restored[0]?.comparison.remarks.at(-1),
        "a rehearsal (recovery.mode is 'test'): the copy was removed after it had been unpacked",
      );
      assert.equal(readdirSync(place.path).includes('rehearsed'), false);
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

      await assert.rejects(torn, {
        code: 'restore-failed',
        message:
          /^the chain is torn: the backup that began at .* builds on one that began at .* on timeline 1, and the one before it began at .* on timeline 1$/,
      });
      assert.equal(readdirSync(place.path).includes('torn'), false);
    });
  });
}

/** Runs a command in the server's data folder, as the server. */
const inDataFolder = (server: PostgresServer, command: string): Promise<unknown> =>
  run(server, 'postgres', `copy (select 1) to program 'cd ${server.dataDir} && ${command}'`);

const linkOf = ({ streams }: TestBase): Link => ({
  records: streams.map(({ record }) => record),
  async *read({ stream }) {
    const found = streams.find(({ record }) => record.stream === stream);
    if (found) yield* found.open();
  },
});

/** Not of the chain: what the server's tools add, and what a copy must not have. */
const notOfChain = ['backup_manifest', 'tablespace_map', 'postgresql.auto.conf'];

/** Each file, those of tablespaces too, with the SHA-256 of its content and its mode; folders with theirs. */
function filesBelow(folder: string, below = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(path.join(folder, below)).filter((one) => !notOfChain.includes(one))) {
    const file = path.join(below, name);
    const { mode } = statSync(path.join(folder, file));
    const isFolder = statSync(path.join(folder, file)).isDirectory();
    const digest = isFolder ? 'folder' : hash('sha256', readFileSync(path.join(folder, file)));
    found.set(file, `${digest} ${(mode & 0o7777).toString(8)}`);
    if (isFolder) for (const [inner, what] of filesBelow(folder, file)) found.set(inner, what);
  }
  return found;
}
