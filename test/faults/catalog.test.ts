import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { allRows, emptyCatalog, tables } from '../catalog/catalog-database.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { leaseOf, type OpenStack, openStack, type StackFolder, stackFolder } from '../e2e/stack-fixture.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { holdLeaseLock, until } from './task-processes.ts';

let source: SourceServer;
let catalogServer: PostgresServer;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  [source, catalogServer] = await Promise.all([
    sourceServer({ orders: { noiseKilobytes: 100 } }),
    postgresServer({ major: 17 }),
  ]);
  await withCatalog('postgres', (client) => client.query('create database holdfast'));
  const { port, user, password } = catalogServer;
  folder = await stackFolder({ server: source, catalog: { port, user, password, database: 'holdfast' } });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await Promise.all([source?.[Symbol.asyncDispose](), catalogServer?.[Symbol.asyncDispose]()]);
});

async function withCatalog<Result>(database: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: catalogServer.url(database) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
const rowsNow = () => withCatalog('holdfast', allRows);
/** The stages of every backup: status and how many rows say so. */
const statusesOf = async (execution: string): Promise<readonly string[]> =>
  withCatalog('holdfast', async (client) => {
    const { rows } = await client.query<{ backup_status: string }>(
      'select backup_status from backup_mgmt.backup_execution_s where execution = $1 order by load_date',
      [execution],
    );
    return rows.map(({ backup_status }) => backup_status);
  });

test('a run whose catalog is down from its start to its end succeeds, and is indexed once when the catalog is back', async () => {
  await catalogServer.stop();
  const { record } = await opened.succeeded(opened.backup('orders'));
  await assert.rejects(opened.catalog.status(), { code: 'catalog-unavailable' });
  await catalogServer.start();

  const first = await opened.reconcile();
  const second = await opened.reconcile();

  assert.ok(Number(first['applied']) >= 3, JSON.stringify(first));
  assert.deepEqual(second, { journaled: 0, applied: 0, leftOut: 0, schedulesDeclared: false });
  assert.deepEqual(await statusesOf(record.name), ['REQUESTED', 'RUNNING', 'COMPLETED']);
});

test('a catalog that is down at the start only, or at the end only, costs the run nothing', async () => {
  await catalogServer.stop();
  const early = opened.backup('orders');
  const lock = await whenHeld(early.name);
  await catalogServer.start();
  lock[Symbol.dispose]();
  await opened.succeeded(early);

  const late = opened.backup('orders');
  const lateLock = await whenHeld(late.name);
  await catalogServer.stop();
  lateLock[Symbol.dispose]();
  await opened.succeeded(late);
  await catalogServer.start();

  const [left, right] = await Promise.all([opened.reconcile(), opened.reconcile()]);
  assert.deepEqual([left['leftOut'], right['leftOut']], [0, 0]);
  for (const { name } of [early, late])
    assert.deepEqual(await statusesOf(name), ['REQUESTED', 'RUNNING', 'COMPLETED'], name);
});

test('a rebuild of an empty catalog gives the rows that it had, in all nine tables', async () => {
  const { run } = await opened.succeeded(
    opened.backup('orders', { tier: 'weekly', scheduledTime: '2026-11-15T01:00:00Z' }),
  );
  await opened.succeeded(opened.restore({ backup: run.backupId, databases: ['orders'], as: 'orders_copy' }));
  await opened.failed(opened.backup('stock'), 'database-missing');
  await opened.failed(opened.restore({ backup: run.backupId, databases: ['none'], as: 'x' }), 'database-missing');
  await opened.reconcile();
  const had = await rowsNow();
  for (const table of [
    'backup_execution_s',
    'recovery_operation_s',
    'backup_schedule_s',
    'recovery_operation_execution_l',
  ])
    assert.ok((had[table]?.length ?? 0) >= 2, `${table}: ${had[table]?.length}`);

  await withCatalog('holdfast', emptyCatalog);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['bin/holdfast.ts', 'catalog', 'rebuild', '--json', '--config', folder.configFile],
    { env: { ...process.env, ...folder.environment } },
  );

  const rebuilt = JSON.parse(stdout) as { applied: number; unreadable: unknown[] };
  assert.deepEqual(rebuilt.unreadable, []);
  const rows = await rowsNow();
  for (const table of tables) assert.deepEqual(rows[table], had[table], table);
  assert.deepEqual(await opened.reconcile(), { journaled: 0, applied: 0, leftOut: 0, schedulesDeclared: false });
});

/** Resolves when the run has its lease, and keeps it from confirming it: so it stays between admission and manifest. */
async function whenHeld(execution: string): Promise<Disposable> {
  await until(`the lease of '${execution}'`, () => {
    const lease = leaseOf(folder, 'orders');
    return lease.holder === execution && !lease.isReleased;
  });
  return holdLeaseLock(folder, 'orders');
}
