import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { BackupId } from '../../../../lib/core/ids.ts';
import type { Manifest } from '../../../../lib/core/manifest.ts';
import type { BackupReader } from '../../../../lib/engines/engine.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { capture, type Saved, save } from '../../saved-streams.ts';
import { contextFor, run, session } from '../run-engine.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { combineBackups, startUnpacked, unpackBase, verifyBackup } from './unpack-base.ts';

const engine = postgresEngine();
const base = { method: 'base', format: 'base' } as const;
const incremental = { method: 'incremental', format: 'blocks' } as const;
type Backup = ReadonlyMap<string, Saved>;

const idOf = (index: number): BackupId => `20261121T02000${index}Z-9f3c2a1b` as BackupId;

/** Reads the newest of the backups, each of which builds on the one before it. */
function readerOf(backups: readonly Backup[]): BackupReader {
  const manifests = backups.map(
    (saved, index) =>
      ({
        ...{ backupId: idOf(index), parent: index === 0 ? null : idOf(index - 1), status: 'complete', source: {} },
        endedAt: `2026-11-21T02:0${index}:30.000Z`,
        streams: [...saved.values()].map(({ record }) => record),
      }) as unknown as Manifest,
  );
  const indexOf = (id: BackupId): number => manifests.findIndex(({ backupId }) => backupId === id);
  return {
    manifest: manifests.at(-1) as Manifest,
    ancestor: async (id) => manifests[indexOf(id)] as Manifest,
    async *read(id, record) {
      const bytes = backups[indexOf(id)]?.get(record.name)?.bytes ?? Buffer.alloc(0);
      for (let at = 0; at < bytes.length; at += 65_536) yield Buffer.from(bytes.subarray(at, at + 65_536));
    },
  };
}

for (const major of [17, 18] as const)
  suite(`a base backup of ${major} that is made of a chain`, { concurrency: false }, () => {
    const stack = new AsyncDisposableStack();
    const chain: Backup[] = [];
    let server: PostgresServer;
    let synthetic: Backup;
    let source: Manifest['source'];

    before(async () => {
      server = stack.use(await postgresServer({ major, settings: { summarize_wal: 'on' } }));
      process.env['HOLDFAST_PG_BIN'] = server.binDir;
      const fast = path.join(server.dataDir, '..', 'fast');
      await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${fast}'`);
      await run(server, 'postgres', `create tablespace fast location '${fast}'`);
      const changes = [
        `create table wide as select n as id, repeat(md5(n::text), 40) as text, 0 as version from generate_series(1, 20000) n;
         create table quick (id int primary key, version int) tablespace fast; insert into quick select n, 0 from generate_series(1, 5000) n`,
        'update wide set version = 1 where id % 100 = 0; update quick set version = 1 where id < 100',
        "delete from wide where id > 15000; create table late as select 'late' as text",
      ];
      for (const [index, change] of changes.entries()) {
        await run(server, 'postgres', change);
        using context = contextFor(server);
        const request = index === 0 ? base : { ...incremental, parent: readerOf(chain) };
        chain.push(await capture(engine, context, request));
      }
      using context = contextFor(server, { parallelJobs: 2 });
      const opened = await engine.synthesize?.(context, { ...base, from: readerOf(chain) });
      assert.ok(opened);
      source = opened.source;
      const saved = new Map<string, Saved>();
      try {
        for (const stream of opened.streams) saved.set(stream.name, await save(stream));
      } finally {
        await opened.end();
      }
      synthetic = saved;
    });
    after(() => stack.disposeAsync());

    test('is what the backup at its end stands for, by its manifest and by its rows', async () => {
      const failures = [...synthetic.values()].flatMap(({ record }) => record.error ?? []);
      assert.deepEqual(failures, []);
      const data = await unpackBase(synthetic, temporaryFolder(stack));
      assert.match(await verifyBackup(server.binDir, data), /backup successfully verified/);

      const copy = stack.use(await startUnpacked(data, major));

      assert.deepEqual(await contentOf(copy), await contentOf(server));
      const [last, made] = [chain.at(-1)?.get('cluster')?.record.facts, synthetic.get('cluster')?.record.facts];
      for (const fact of ['startLsn', 'endLsn', 'timeline', 'systemIdentifier', 'snapshotAt'])
        assert.equal(made?.[fact], last?.[fact], fact);
      assert.equal(made?.['parentStartLsn'], undefined);
      assert.equal(made?.['consistentAt'], '2026-11-21T02:02:30.000Z');
      assert.equal(source['madeFrom'], '20261121T020002Z-9f3c2a1b');
    });

    test('is one that the next incremental backup builds on', async () => {
      await run(server, 'postgres', 'update wide set version = 7 where id = 7; insert into quick values (6000, 6)');
      using context = contextFor(server);
      const next = await capture(engine, context, { ...incremental, parent: readerOf([synthetic]) });
      const folders = [temporaryFolder(stack), temporaryFolder(stack)];
      const unpacked = [await unpackBase(synthetic, folders[0] ?? ''), await unpackBase(next, folders[1] ?? '')];

      const combined = path.join(temporaryFolder(stack), 'combined');
      mkdirSync(combined);
      const copy = stack.use(await startUnpacked(await combineBackups(server.binDir, unpacked, combined), major));

      assert.deepEqual(await contentOf(copy), await contentOf(server));
    });

    test('is refused of what is no chain, and of one of which a link is damaged', async () => {
      using context = contextFor(server);
      const alone = engine.synthesize?.(context, { ...base, from: readerOf(chain.slice(0, 1)) });
      await assert.rejects(alone ?? Promise.resolve(), { code: 'usage', message: /it builds on no other$/ });

      const torn = engine.synthesize?.(context, { ...base, from: readerOf([chain[0], chain[2]] as Backup[]) });
      await assert.rejects(torn ?? Promise.resolve(), {
        code: 'restore-failed',
        message: /^pg_combinebackup refuses the chain: /,
      });
    });
  });

async function contentOf(server: Parameters<typeof session>[0]): Promise<unknown> {
  await using client = await session(server, 'postgres');
  const { rows } = await client.query(
    `select (select md5(string_agg(id || text || version, ',' order by id)) from wide) as wide,
            (select md5(string_agg(id || '-' || version, ',' order by id)) from quick) as quick, (select text from late) as late`,
  );
  return rows[0];
}
