import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Manifest } from '../../lib/core/manifest.ts';
import { temporaryFolder } from '../engines/postgres/base/temporary-folder.ts';
import { combineBackups, startUnpacked, unpackBase, verifyBackup } from '../engines/postgres/base/unpack-base.ts';
import { run, session } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { type Installation, openInstallation } from './installation.ts';
import { readBack } from './read-back.ts';

for (const major of [17, 18] as const) {
  suite(`incremental backups of PostgreSQL ${major}, through the runner`, { concurrency: false }, () => {
    const stack = new AsyncDisposableStack();
    let server: PostgresServer;
    let installation: Installation;
    before(async () => {
      server = stack.use(await postgresServer({ major, settings: { summarize_wal: 'on', full_page_writes: 'on' } }));
      process.env['BASE_PASSWORD'] = server.password;
      const connection = `{ host: ${server.host}, port: ${server.port}, user: ${server.user}, password: { env: BASE_PASSWORD }, sslmode: disable }`;
      const targets = `  - { name: source, engine: postgres, connection: ${connection}, base: { chainLinks: 2 } }\n`;
      installation = stack.use(await openInstallation({ algorithm: 'aes-256-gcm', targets }));
      await run(server, 'postgres', `create tablespace elsewhere location '${temporaryFolder(stack)}'`);
      await run(server, 'postgres', 'create table big (id int, step int, filler text) tablespace elsewhere');
      await run(server, 'postgres', `insert into big select i, 0, repeat('x', 500) from generate_series(1, 20000) i`);
      await run(server, 'postgres', 'create table small (step int)');
    });
    after(() => stack.disposeAsync());

    let steps = 0;
    const backUp = async (method: 'base' | 'incremental' | 'differential'): Promise<Manifest> => {
      steps += 1;
      await run(server, 'postgres', `update big set step = ${steps} where id = ${steps}`);
      await run(server, 'postgres', `insert into small values (${steps})`);
      const format = method === 'base' ? 'base' : 'blocks';
      return installation.backUp({ method, format, execution: `step-${steps}` });
    };
    const taken: Record<string, Manifest> = {};
    const manifest = (name: string): Manifest => taken[name] ?? assert.fail(`there is no backup '${name}'`);

    test('one with nothing to build on is refused, and says what to take first', async () => {
      await assert.rejects(backUp('incremental'), {
        code: 'parent-unfit',
        message: 'there is no complete backup that an incremental one could build on',
        hint: "take a base backup: 'holdfast backup source --method base'",
      });
    });

    test('an incremental one builds on the newest of any kind, a differential one on the newest base', async () => {
      taken['base'] = await backUp('base');
      taken['first'] = await backUp('incremental');
      taken['second'] = await backUp('incremental');
      taken['differential'] = await backUp('differential');
      taken['third'] = await backUp('incremental');

      assert.deepEqual(
        ['base', 'first', 'second', 'differential', 'third'].map((name) => [name, nameOf(manifest(name).parent)]),
        [
          ['base', undefined],
          ['first', 'base'],
          ['second', 'first'],
          ['differential', 'base'],
          ['third', 'differential'],
        ],
      );
    });
    const nameOf = (id: string | null): string | undefined =>
      Object.entries(taken).find(([, { backupId }]) => backupId === id)?.[0];

    test('they hold what changed, with facts of the parent, and are good in the store', async () => {
      for (const name of ['first', 'second', 'differential', 'third']) {
        const { plainBytes, streams } = manifest(name);
        assert.ok(plainBytes < manifest('base').plainBytes * 0.8);
        const facts = streams.find(({ kind }) => kind === 'cluster')?.facts;
        const parent = nameOf(manifest(name).parent) ?? '';
        const ofParent = manifest(parent).streams.find(({ kind }) => kind === 'cluster')?.facts;
        assert.equal(facts?.['parentStartLsn'], ofParent?.['startLsn']);
        assert.deepEqual((await installation.validate(manifest(name))).problems, []);
      }
    });

    test("a chain is put together by PostgreSQL's own tool, found whole, and holds every step", async () => {
      await using folders = new AsyncDisposableStack();
      for (const [chain, expected] of [
        [
          ['base', 'first', 'second'],
          [1, 2, 3, 4],
        ],
        [
          ['base', 'differential', 'third'],
          [1, 2, 3, 4, 5, 6],
        ],
      ] as const) {
        const unpacked: string[] = [];
        for (const name of chain) {
          const data = await unpackBase(await readBack(installation, manifest(name)), temporaryFolder(folders));
          assert.match(await verifyBackup(server.binDir, data), /backup successfully verified/);
          unpacked.push(data);
        }
        const data = await combineBackups(server.binDir, unpacked, temporaryFolder(folders));
        assert.match(await verifyBackup(server.binDir, data), /backup successfully verified/);

        await using copy = await startUnpacked(data, major);
        await using client = await session(copy, 'postgres');
        const { rows } = await client.query<{ small: number[]; big: number[]; count: number }>(
          `select (select array_agg(step order by step) from small) as small,
                  (select array_agg(id order by id) from big where step > 0) as big,
                  (select count(*)::int from big) as count`,
        );
        assert.deepEqual(rows, [{ small: expected, big: expected, count: 20_000 }]);
      }
    });

    test('the next one after the longest chain builds on the base', async () => {
      taken['fourth'] = await backUp('incremental');

      assert.equal(nameOf(manifest('fourth').parent), 'base');
    });

    test('one whose parent the summaries do not reach back to is refused, and says what to do', async () => {
      await run(server, 'postgres', 'alter system set summarize_wal = off');
      await run(server, 'postgres', 'select pg_reload_conf()');
      await assert.rejects(backUp('incremental'), { code: 'preflight-failed', message: /summarize_wal is off/ });
      await run(server, 'postgres', 'select pg_switch_wal()');
      await run(server, 'postgres', 'checkpoint');
      await run(server, 'postgres', 'alter system set summarize_wal = on');
      await run(server, 'postgres', 'select pg_reload_conf()');

      await assert.rejects(backUp('incremental'), { code: 'parent-unfit', hint: /take a base backup/ });
    });
  });
}
