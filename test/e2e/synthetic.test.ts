import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { BackupId } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { pgbench, pgbenchLoad } from '../wal/receiver/receiving.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { backupUser, type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

suite('a base backup that is made of a chain, through the state machine', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  let place: string;
  let chain: readonly BackupId[];
  let made: Manifest;

  const take = async (wanted: Readonly<Record<string, string>>): Promise<Manifest> => {
    const { run } = await opened.succeeded(opened.backup('orders', wanted));
    return manifestOf(folder, run as BackupRun);
  };
  /** What the tables of pgbench hold in a cluster that is brought back from the backup into a folder, where every structure is sound. */
  const restored = async (backup: BackupId): Promise<unknown> => {
    const into = path.join(place, backup);
    const { exitCode, stderr } = await runCli(['restore', backup, '--as', into, '--config', folder.configFile], {
      environment: folder.environment,
    });
    assert.equal(exitCode, 0, stderr);
    await using started = await startOn(into, server.binDir);
    const { host, port } = started;
    const client = new Client({ host, port, user: backupUser, password: server.backupPassword, database: 'postgres' });
    await client.connect();
    const { rows } = await client.query(
      `select (select count(*)::int from pgbench_history) as history, (select sum(hashtextextended(h::text, 0))::text from pgbench_history h) as digest,
              (select sum(hashtextextended(a::text, 0))::text from pgbench_accounts a) as accounts, (select sum(abalance)::int from pgbench_accounts) as balance`,
    );
    await client.end();
    await promisify(execFile)(
      path.join(server.binDir, 'pg_amcheck'),
      [
        '--install-missing',
        '--heapallindexed',
        '--all',
        '--host',
        host,
        '--port',
        String(port),
        '--username',
        backupUser,
      ],
      { env: { PGPASSWORD: server.backupPassword } },
    );
    return rows[0];
  };

  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 10 } });
    await server.run('postgres', 'alter system set summarize_wal = on', 'select pg_reload_conf()');
    place = mkdtempSync(path.join(tmpdir(), 'holdfast-synthetic-'));
    chmodSync(place, 0o755);
    const backups = [
      { tier: 'weekly', method: 'base', schedule: '0 1 * * 0' },
      { tier: 'daily', method: 'incremental', schedule: '0 2 * * *' },
    ];
    folder = await stackFolder({ server, backups: { orders: backups } });
    opened = await openStack(folder);
    await pgbench(server, '-i', '-s', '2', '-q');
    await using _load = pgbenchLoad(server);
    const ids: BackupId[] = [];
    for (const method of ['base', 'incremental', 'incremental'] as const) ids.push((await take({ method })).backupId);
    chain = ids;
  });
  after(async () => {
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    if (place) rmSync(place, { recursive: true, force: true });
  });

  test('has the point of the chain, and the source is not asked for it', async () => {
    const last = manifestOf(folder, { target: 'orders', backupId: chain[2] } as Parameters<typeof manifestOf>[1]);
    await server.stop();

    made = await take({ from: 'latest', tier: 'monthly' });

    await server.start();
    assert.deepEqual([made.method, made.status, made.parent], ['base', 'complete', null]);
    assert.equal(made.source['madeFrom'], chain[2]);
    const point = ({ streams }: Manifest): unknown => {
      const { startLsn, endLsn, timeline, snapshotAt } = streams.find(({ kind }) => kind === 'cluster')?.facts ?? {};
      return { startLsn, endLsn, timeline, snapshotAt };
    };
    assert.deepEqual(point(made), point(last));
  });

  test('brings back what the chain did, when the chain is gone', async () => {
    const before = await restored(chain[2] as BackupId);
    for (const id of chain) rmSync(path.join(folder.store, 'backups', 'orders', id), { recursive: true });

    const after = await restored(made.backupId);

    assert.deepEqual(after, before);
    assert.ok((before as { history: number }).history > 0);
  });

  test('is what the next incremental backup builds on, and both are proved by a restore test', async () => {
    const next = await take({ method: 'incremental' });
    assert.equal(next.parent, made.backupId);

    await opened.succeeded(opened.restoreTest({ backup: next.backupId }));
  });

  test('is in the catalog as a backup of its own, which says what it was made of and ends no exposure', async () => {
    await using catalog = await catalogDatabase(folder);
    const { rows } = await catalog.client.query(
      `select backup_type, backup_status, tier, made_from, exists (select from backup_mgmt.measured_rpo where backup_bk = $1) as measured
         from backup_mgmt.backup_execution_s where backup_bk = $1 and load_end_date is null`,
      [made.backupId],
    );

    assert.deepEqual(rows, [
      { backup_type: 'FULL', backup_status: 'COMPLETED', tier: 'monthly', made_from: chain[2], measured: false },
    ]);
  });

  test('is asked for by SQL, too', async () => {
    await using catalog = await catalogDatabase(folder);
    const {
      rows: [asked],
    } = await catalog.client.query<{ backup_bk: string }>(
      "select backup_bk from backup_mgmt.create_full_backup(target => 'orders', made_from => 'latest')",
    );
    await catalog.client.query(`call backup_mgmt.await_backup('${asked?.backup_bk}', '5 minutes')`);

    const { rows } = await catalog.client.query(
      `select b.backup_type, b.method, p.backup_bk is not null as is_of_an_incremental
         from backup_mgmt.backup_execution_s as b
         left join backup_mgmt.backup_execution_s as p
           on p.backup_bk = b.made_from and p.load_end_date is null and p.method = 'incremental'
        where b.backup_bk = $1 and b.load_end_date is null`,
      [asked?.backup_bk],
    );

    assert.deepEqual(rows, [{ backup_type: 'FULL', method: 'base', is_of_an_incremental: true }]);
  });

  test('is refused for a target without a chain, and by another method than that of a chain’s beginning', async () => {
    await opened.failed(opened.backup('stock', { from: 'latest' }), 'backup-unknown');
    const refused = await runCli(
      ['backup', 'orders', '--from', 'latest', '--method', 'logical', '--json', '--config', folder.configFile],
      { environment: folder.environment },
    );
    assert.equal(refused.error.code, 'usage');
  });
});
