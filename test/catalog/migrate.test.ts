import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { catalogVersion, migrateCatalog } from '../../lib/catalog/migrate.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newDatabase, settingsFor, tables } from './catalog-database.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

test('migrating makes the schema; migrating again does nothing', async () => {
  await using owner = await ownerOf(await newDatabase(server));

  const first = await migrateCatalog(owner.client);
  const second = await migrateCatalog(owner.client);

  assert.deepEqual(first, {
    from: 0,
    to: 27,
    applied: [
      'data_vault',
      'indexes',
      'applied_event',
      'roles',
      'validation_results',
      'retention',
      'tenants',
      'targets',
      'audit_trail',
      'requests',
      'request_functions',
      'recovery_functions',
      'schedule_times',
      'views',
      'validation_tenants',
      'schema_backups',
      'schedule_changes',
      'approval_timeout',
      'point_in_time',
      'approvals_by_api',
      'recovery_machine',
      'measured_logs',
      'synthetic_backups',
      'looked_at_executions',
      'approval_waits_shown',
      'synthetic_requests',
      'restore_proof',
    ],
  });
  assert.deepEqual(second, { from: 27, to: 27, applied: [] });
  const found = await owner.client.query<{ tablename: string }>(
    "select tablename from pg_tables where schemaname = 'backup_mgmt' order by 1",
  );
  assert.deepEqual(
    found.rows.map(({ tablename }) => tablename),
    [...tables],
  );
});

test('of 20 migrations at once each step is applied by exactly one', async () => {
  const database = await newDatabase(server);
  const owners = await Promise.all(Array.from({ length: 20 }, () => ownerOf(database)));

  const results = await Promise.all(owners.map(({ client }) => migrateCatalog(client)));

  assert.deepEqual(results.flatMap(({ applied }) => applied).sort(), [
    'applied_event',
    'approval_timeout',
    'approval_waits_shown',
    'approvals_by_api',
    'audit_trail',
    'data_vault',
    'indexes',
    'looked_at_executions',
    'measured_logs',
    'point_in_time',
    'recovery_functions',
    'recovery_machine',
    'request_functions',
    'requests',
    'restore_proof',
    'retention',
    'roles',
    'schedule_changes',
    'schedule_times',
    'schema_backups',
    'synthetic_backups',
    'synthetic_requests',
    'targets',
    'tenants',
    'validation_results',
    'validation_tenants',
    'views',
  ]);
  for (const owner of owners) {
    assert.equal(await catalogVersion(owner.client), 27);
    await owner[Symbol.asyncDispose]();
  }
});

test('catalogs in five databases of one new server migrate at once and share the roles', async () => {
  await using fresh = await postgresServer({ major: 17 });
  const databases = await Promise.all(Array.from({ length: 5 }, () => newDatabase(fresh)));
  const owners = await Promise.all(
    databases.map((database) => connectCatalog({ ...settingsFor(fresh, database), role: 'owner' })),
  );

  const results = await Promise.all(owners.map(({ client }) => migrateCatalog(client)));

  assert.deepEqual(
    results.map(({ to }) => to),
    [27, 27, 27, 27, 27],
  );
  await Promise.all(owners.map((owner) => owner[Symbol.asyncDispose]()));
});

test('a schema that is newer than the program is refused and left alone', async () => {
  await using owner = await ownerOf(await newDatabase(server));
  await migrateCatalog(owner.client);
  await owner.client.query("insert into holdfast.migration (version, name) values (28, 'from_the_future')");

  await assert.rejects(migrateCatalog(owner.client), {
    code: 'version-mismatch',
    message: "catalog schema version 28 is newer than this program's 27",
  });
});

test('a step that fails leaves the last whole version, and the next run goes on from there', async () => {
  await using owner = await ownerOf(await newDatabase(server));
  const good = { version: 1, name: 'good', sql: 'create table holdfast.good (id int)' };
  const broken = { version: 2, name: 'broken', sql: 'create table holdfast.half (id int); select 1 / 0' };
  const mended = { version: 2, name: 'mended', sql: 'create table holdfast.half (id int)' };

  await assert.rejects(migrateCatalog(owner.client, [good, broken]), /division by zero/);
  const afterwards = await catalogVersion(owner.client);
  const next = await migrateCatalog(owner.client, [good, mended]);

  assert.equal(afterwards, 1);
  assert.deepEqual(next, { from: 1, to: 2, applied: ['mended'] });
});

const ownerOf = (database: string) => connectCatalog({ ...settingsFor(server, database), role: 'owner' });
