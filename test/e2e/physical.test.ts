import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Client } from 'pg';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { rebuildCatalog } from '../../lib/catalog/rebuild.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { allRows } from '../catalog/catalog-database.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

/** Without the audit trail's entries of calls that left no event. */
const withoutCalls = (rows: Awaited<ReturnType<typeof allRows>>): typeof rows => ({
  ...rows,
  audit_entry: (rows['audit_entry'] ?? []).filter((row) => !row.startsWith('(sql/')),
});

suite('physical backups of PostgreSQL, through the state machine', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  let database: Awaited<ReturnType<typeof catalogDatabase>>;
  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 100 } });
    await server.run('postgres', 'alter system set summarize_wal = on', 'select pg_reload_conf()');
    const backups = [
      { tier: 'weekly', method: 'base', schedule: '0 1 * * 0' },
      { tier: 'daily', method: 'incremental', schedule: '0 2 * * *' },
    ];
    folder = await stackFolder({ server, backups: { orders: backups } });
    opened = await openStack(folder);
    database = await catalogDatabase(folder);
  });
  after(async () => {
    await database?.[Symbol.asyncDispose]();
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const ask = async (question: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
    (await database.client.query<Readonly<Record<string, unknown>>>(question)).rows;

  test('a base is taken on the command line, and is valid', async () => {
    const taken = await runCli(['backup', 'orders', '--method', 'base', '--config', folder.configFile], {
      environment: folder.environment,
    });

    assert.equal(taken.exitCode, 0, taken.stderr);
    const rows = await ask(
      'select backup_type, method from backup_mgmt.backup_execution_s where load_end_date is null',
    );
    assert.deepEqual(rows, [{ backup_type: 'FULL', method: 'base' }]);
  });

  test('an incremental one is asked for by SQL, and the catalog knows what it builds on', async () => {
    const [base] = await ask('select backup_bk from backup_mgmt.backup_execution_s where load_end_date is null');
    await server.run('orders', 'delete from orders where id < 10');

    const [asked] = await ask("select * from backup_mgmt.create_incremental_backup(target => 'orders')");
    const backup = String(asked?.['backup_bk']);
    await database.client.query(`call backup_mgmt.await_backup('${backup}', '3 minutes')`);

    const manifest = manifestOf(folder, { target: 'orders', backupId: backup } as Parameters<typeof manifestOf>[1]);
    assert.deepEqual(
      [manifest.status, manifest.method, manifest.parent],
      ['complete', 'incremental', base?.['backup_bk']],
    );
    const rows = await ask(
      `select child.backup_type, child.backup_status, parent.backup_bk as parent
         from backup_mgmt.backup_execution_s as child
         join backup_mgmt.backup_execution_parent_l as link using (backup_hk)
         join backup_mgmt.backup_execution_h as parent on parent.backup_hk = link.parent_backup_hk
        where child.backup_bk = '${backup}' and child.load_end_date is null`,
    );
    assert.deepEqual(rows, [{ backup_type: 'INCREMENTAL', backup_status: 'COMPLETED', parent: base?.['backup_bk'] }]);
  });

  test('a whole server is held against no live one, and the command line says what proves it', async () => {
    const { exitCode, error } = await runCli([
      ...['compare', 'latest', '--target', 'orders', '--json', '--config', folder.configFile],
    ]);

    assert.deepEqual([exitCode, error.code], [2, 'usage']);
    assert.match(error.hint, /^'holdfast restore-test \d{8}T\d{6}Z-[0-9a-f]{8}' recovers and examines it/);
  });

  test('a catalog that is built anew from the store has the same rows', async () => {
    const live = withoutCalls(await allRows(database.client));
    await ask('create database rebuilt');
    const { host, port } = database.client;
    const connection = new Client({ host, port, user: 'postgres', database: 'rebuilt' });
    await connection.connect();
    const store = await openStore(folder.config.store);
    try {
      await migrateCatalog(connection);
      await rebuildCatalog({ store, apply: (events) => applyEvents(connection, events) });
      assert.deepEqual(withoutCalls(await allRows(connection)), live);
    } finally {
      await store.close();
      await connection.end();
    }
  });
});
