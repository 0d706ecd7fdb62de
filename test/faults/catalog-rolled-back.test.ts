import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { allRows, tables } from '../catalog/catalog-database.ts';
import { runCli } from '../e2e/run-cli.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from '../e2e/stack-fixture.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

let source: SourceServer;
let catalogServer: PostgresServer;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  [source, catalogServer] = await Promise.all([
    sourceServer({ orders: { noiseKilobytes: 50 } }),
    postgresServer({ major: 17 }),
  ]);
  await inDatabase('postgres', (client) => client.query('create database holdfast'));
  const { port, user, password } = catalogServer;
  folder = await stackFolder({ server: source, catalog: { port, user, password, database: 'holdfast' } });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await Promise.all([source?.[Symbol.asyncDispose](), catalogServer?.[Symbol.asyncDispose]()]);
});

async function inDatabase<Result>(database: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: catalogServer.url(database) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const rowsNow = () => inDatabase('holdfast', allRows);
const tool = (program: string, ...args: string[]) => promisify(execFile)(join(catalogServer.binDir, program), args);

/** Drops the catalog's database, whoever is in it, and makes an empty one. */
const loseCatalog = () =>
  inDatabase('postgres', async (client) => {
    await client.query('drop database holdfast with (force)');
    await client.query('create database holdfast');
  });

test('a catalog that was restored to last week is brought to what the store says by the next reconciliation', async () => {
  await opened.succeeded(opened.backup('orders'));
  await opened.reconcile();
  const lastWeek = join(folder.root, 'catalog.dump');
  await tool('pg_dump', '--format=custom', `--file=${lastWeek}`, catalogServer.url('holdfast'));
  await opened.succeeded(opened.backup('orders', { tier: 'weekly', scheduledTime: '2026-11-15T01:00:00Z' }));
  await opened.failed(opened.backup('stock'), 'database-missing');
  await opened.succeeded(opened.restore({ backup: 'latest', target: 'orders', databases: ['orders'], as: 'copy' }));
  await opened.reconcile();
  const had = await rowsNow();

  await loseCatalog();
  await tool('pg_restore', `--dbname=${catalogServer.url('holdfast')}`, lastWeek);
  const isBehind = (await opened.catalog.list({ limit: 1000 })).length;
  const caughtUp = await opened.reconcile();

  assert.equal(isBehind, 1);
  assert.ok(Number(caughtUp['applied']) >= 8, JSON.stringify(caughtUp));
  assert.equal(caughtUp['leftOut'], 0);
  const has = await rowsNow();
  for (const table of tables) assert.deepEqual(has[table], had[table], table);
});

test('a run goes on while the catalog is lost, and a rebuild gives every row back', async () => {
  await opened.reconcile();
  await loseCatalog();

  const { run } = await opened.succeeded(opened.backup('orders'));
  await assert.rejects(opened.reconcile(), /lacks a part of its schema/);
  const cli = (...args: string[]) =>
    runCli([...args, '--json', '--config', folder.configFile], { environment: folder.environment });
  const migrated = await cli('catalog', 'migrate');
  const rebuilt = await cli('catalog', 'rebuild');

  assert.equal(migrated.exitCode, 0, migrated.stderr);
  assert.equal(rebuilt.exitCode, 0, rebuilt.stderr);
  const rows = await opened.catalog.list({ limit: 1000 });
  assert.equal(rows.find(({ backupId }) => backupId === run.backupId)?.status, 'COMPLETED');
  assert.equal(rows.filter(({ status }) => status === 'COMPLETED').length, 3);
  assert.deepEqual(await opened.reconcile(), { journaled: 0, applied: 0, leftOut: 0, schedulesDeclared: false });
});
