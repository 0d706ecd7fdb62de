import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Manifest } from '../../../../lib/core/manifest.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { capture, type Saved, save } from '../../saved-streams.ts';
import { contentOf, type Link, makeTables, readerOf } from '../chain.ts';
import { contextFor, run } from '../run-engine.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { combineBackups, startUnpacked, unpackBase, verifyBackup } from './unpack-base.ts';

const engine = postgresEngine();
const base = { method: 'base', format: 'base' } as const;
const incremental = { method: 'incremental', format: 'blocks' } as const;
type Backup = ReadonlyMap<string, Saved>;

const linkOf = (saved: Backup): Link => ({
  records: [...saved.values()].map(({ record }) => record),
  async *read({ name }) {
    const bytes = saved.get(name)?.bytes ?? Buffer.alloc(0);
    for (let at = 0; at < bytes.length; at += 65_536) yield Buffer.from(bytes.subarray(at, at + 65_536));
  },
});
const chainOf = (backups: readonly Backup[]) => readerOf(backups.map(linkOf));

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
      await makeTables(server);
      const changes = [
        undefined,
        'update wide set version = 1 where id % 100 = 0; update quick set version = 1 where id < 100',
        "delete from wide where id > 15000; create table late as select 'late' as text",
      ];
      for (const [index, change] of changes.entries()) {
        if (change !== undefined) await run(server, 'postgres', change);
        using context = contextFor(server);
        const request = index === 0 ? base : { ...incremental, parent: chainOf(chain) };
        chain.push(await capture(engine, context, request));
      }
      using context = contextFor(server, { parallelJobs: 2 });
      const opened = await engine.synthesize?.(context, { ...base, from: chainOf(chain) });
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
      const next = await capture(engine, context, { ...incremental, parent: chainOf([synthetic]) });
      const folders = [temporaryFolder(stack), temporaryFolder(stack)];
      const unpacked = [await unpackBase(synthetic, folders[0] ?? ''), await unpackBase(next, folders[1] ?? '')];

      const combined = path.join(temporaryFolder(stack), 'combined');
      mkdirSync(combined);
      const copy = stack.use(await startUnpacked(await combineBackups(server.binDir, unpacked, combined), major));

      assert.deepEqual(await contentOf(copy), await contentOf(server));
    });

    test('is refused of what is no chain, and of one of which a link is damaged', async () => {
      using context = contextFor(server);
      const alone = engine.synthesize?.(context, { ...base, from: chainOf(chain.slice(0, 1)) });
      await assert.rejects(alone ?? Promise.resolve(), { code: 'usage', message: /it builds on no other$/ });

      const torn = engine.synthesize?.(context, { ...base, from: chainOf([chain[0], chain[2]] as Backup[]) });
      await assert.rejects(torn ?? Promise.resolve(), {
        code: 'restore-failed',
        message: /^pg_combinebackup refuses the chain: /,
      });
    });
  });
