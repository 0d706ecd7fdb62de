import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { main } from '../../lambdas/catalog/main.ts';
import { type CatalogClient, catalogClient } from '../../lib/catalog/client.ts';
import { type CatalogSettings, connectCatalog } from '../../lib/catalog/connect.ts';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newDatabase, settingsFor } from './catalog-database.ts';
import { begun, completed, declared, failed, recoveryEnded, recoveryRequested, requested, schedule } from './events.ts';
import { lambdaEndpoint } from './lambda-endpoint.ts';

const id = backupIdSchema.parse('20261121T020000Z-9f3c2a1b');
const orders = targetNameSchema.parse('orders');

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

test('a fresh catalog is migrated, takes events and answers questions through its function', async () => {
  await using catalog = await deployed({});

  assert.equal((await catalog.client.migrate()).to, 27);
  assert.deepEqual(await catalog.client.apply([requested(), begun(), completed()]), { applied: 3, known: 0 });
  assert.deepEqual(await catalog.client.apply([completed()]), { applied: 0, known: 1 });

  const [backup] = await catalog.client.list({ target: orders, status: 'COMPLETED', since: '2026-11-21T00:00:00Z' });
  assert.deepEqual(backup, {
    backupId: '20261121T020000Z-9f3c2a1b',
    target: 'orders',
    engine: 'postgres',
    method: 'logical',
    tier: 'daily',
    type: 'FULL',
    status: 'COMPLETED',
    startTime: '2026-11-21T02:00:10.500Z',
    endTime: '2026-11-21T02:04:40.750Z',
    durationSeconds: 270.25,
    plainBytes: 4_000_000_000,
    storedBytes: 1_000_000_000,
    compressionRatio: 4,
    verification: 'VALIDATED',
    errorCode: null,
    errorMessage: null,
    errorHint: null,
    storageLocation: 's3://vault/backups/orders/20261121T020000Z-9f3c2a1b/',
    retentionUntil: '2026-11-28T02:04:40.750Z',
    scheduledTime: '2026-11-21T02:00:00.000Z',
    requestedByKind: 'schedule',
    requestedByName: 'orders-daily-logical',
    execution: 'orders-20261121T020000Z',
    holdSince: null,
    holdBy: null,
    holdReason: null,
    expiryReason: null,
  });
  assert.deepEqual(await catalog.client.list({ status: 'FAILED' }), []);
  assert.deepEqual(await catalog.client.list({ since: '2026-11-22T00:00:00Z' }), []);
  assert.deepEqual(
    (await catalog.client.show(id)).map(({ status, since, until }) => [status, since, until]),
    [
      ['REQUESTED', '2026-11-21T02:00:00.000Z', '2026-11-21T02:00:10.500Z'],
      ['RUNNING', '2026-11-21T02:00:10.500Z', '2026-11-21T02:05:00.000Z'],
      ['COMPLETED', '2026-11-21T02:05:00.000Z', null],
    ],
  );
});

test('it says which events it has not seen', async () => {
  await using catalog = await deployed({ isMigrated: true });
  await catalog.client.apply([begun(), requested()]);

  const unapplied = await catalog.client.unapplied([begun(), completed(), requested(), failed()].map(journalKey));

  assert.deepEqual(unapplied, [
    'journal/20261121T020000Z-9f3c2a1b/030-backup-completed-20261121T020500000Z.json',
    'journal/20261121T020000Z-9f3c2a1b/030-backup-failed-20261121T020300000Z.json',
  ]);
});

test('it names the newest completed backup per target and tier, the schedules and the recoveries', async () => {
  await using catalog = await deployed({ isMigrated: true });
  const older = '20261120T020000Z-0000000a';
  await catalog.client.apply([
    declared('2026-11-20T12:00:00.000Z', [schedule(), schedule({ name: 'Alt', tier: 'weekly' })]),
    declared('2026-11-22T12:00:00.000Z', [schedule({ cron: '30 2 * * *' })]),
    ...[requested(), begun(), completed(), recoveryRequested(), recoveryEnded()],
    requested({ operation: older, at: '2026-11-20T02:00:00Z' }),
    completed({ operation: older, at: '2026-11-20T02:05:00Z', endedAt: '2026-11-20T02:05:00Z' }),
  ]);

  assert.deepEqual(
    (await catalog.client.lastCompleted()).map(({ target, tier, backupId }) => [target, tier, backupId]),
    [['orders', 'daily', '20261121T020000Z-9f3c2a1b']],
  );
  assert.deepEqual(await catalog.client.declaredSchedules(), [
    {
      name: 'orders-daily-logical',
      target: 'orders',
      engine: 'postgres',
      method: 'logical',
      tier: 'daily',
      cron: '30 2 * * *',
      timezone: 'Europe/Berlin',
      retentionDays: 7,
      enabled: true,
      tenant: null,
    },
  ]);
  assert.deepEqual(await catalog.client.recoveries({ target: orders }), [
    {
      recoveryId: '20261121T090000Z-00c0ffee',
      backupId: '20261121T020000Z-9f3c2a1b',
      target: 'orders',
      destination: 'orders_restored',
      status: 'COMPLETED',
      startTime: '2026-11-21T09:00:05.000Z',
      endTime: '2026-11-21T09:09:05.000Z',
      durationSeconds: 540,
      restoredBytes: 4_000_000_000,
      isCompared: true,
      proof: 'compared',
      errorCode: null,
      errorMessage: null,
      errorHint: null,
      execution: 'restore-1',
      approvalAwaitedSince: null,
      approvalAwaitedUntil: null,
    },
  ]);
  const { serverVersion, ...status } = await catalog.client.status();
  assert.match(serverVersion, /^17\./);
  assert.deepEqual(status, {
    schemaVersion: 27,
    programVersion: 27,
    events: 9,
    backups: 2,
    recoveries: 1,
    schedules: 1,
  });
});

test('text that PostgreSQL cannot hold does not keep an event out', async () => {
  await using catalog = await deployed({ isMigrated: true });
  const error = { code: 'dump-failed', message: 'tool said \u0000 and \ud83d', hint: 'none' };

  await catalog.client.apply([requested(), failed({ error }) as JournalEvent]);

  const [backup] = await catalog.client.list();
  assert.equal(backup?.errorMessage, 'tool said \ufffd and \ufffd');
});

test('a catalog whose schema is not there is unavailable', async () => {
  await using catalog = await deployed({});

  await catalog.client.migrate();
  const { settings } = catalog;
  await using owner = await connectCatalog({ ...settings, role: 'owner' });
  await owner.client.query('drop schema backup_mgmt cascade');

  await assert.rejects(catalog.client.list(), {
    code: 'catalog-unavailable',
    message: /lacks a part of its schema: relation "backup_mgmt.backup_execution_s" does not exist$/,
  });
});

test('a database that is away, a wrong password and a bad request keep their codes across the function', async () => {
  await using away = await deployed({ settings: { port: 1, tries: 1 } });
  await using stranger = await deployed({ settings: { auth: { kind: 'password', password: 'wrong' } } });

  await assert.rejects(away.client.list(), { code: 'catalog-unavailable', retryable: true });
  await assert.rejects(stranger.client.list(), { code: 'auth-failed', retryable: false });
  await assert.rejects(stranger.client.list({ limit: 0 }), { code: 'usage' });
});

test('a function that cannot be invoked, or crashes, leaves the catalog unavailable', async () => {
  const lambda = new LambdaClient({
    endpoint: 'http://127.0.0.1:1',
    region: 'local',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  await using crashing = await lambdaEndpoint(() => Promise.reject(new RangeError('out of memory')));

  await assert.rejects(catalogClient({ functionName: 'catalog', lambda }).status(), { code: 'catalog-unavailable' });
  await assert.rejects(catalogClient({ functionName: 'catalog', lambda: crashing.lambda }).status(), {
    code: 'catalog-unavailable',
    message: "catalog function 'catalog' ended: RangeError: out of memory",
  });
});

test('a deployment migrates, and its deletion leaves everything as it is', async () => {
  const settings = settingsFor(server, await newDatabase(server));
  const dependencies = { settings: () => Promise.resolve(settings), log: { info: () => undefined } };

  const created = await main({ RequestType: 'Create', ResourceProperties: {} }, dependencies);
  const updated = await main({ RequestType: 'Update', PhysicalResourceId: 'holdfast-catalog-schema' }, dependencies);
  const deleted = await main({ RequestType: 'Delete', PhysicalResourceId: 'holdfast-catalog-schema' }, dependencies);
  const status = await main({ operation: 'status' }, dependencies);

  assert.deepEqual(created, { PhysicalResourceId: 'holdfast-catalog-schema', Data: { SchemaVersion: 27 } });
  assert.deepEqual(updated, created);
  assert.deepEqual(deleted, { PhysicalResourceId: 'holdfast-catalog-schema' });
  assert.equal((status as { schemaVersion: number }).schemaVersion, 27);
});

/** The catalog's function over a new database, and a client that invokes it as AWS would. */
async function deployed(options: {
  readonly isMigrated?: boolean;
  readonly settings?: Partial<CatalogSettings>;
}): Promise<AsyncDisposable & { readonly client: CatalogClient; readonly settings: CatalogSettings }> {
  const settings = { ...settingsFor(server, await newDatabase(server)), ...options.settings };
  const endpoint = await lambdaEndpoint((event) =>
    main(event, { settings: () => Promise.resolve(settings), log: { info: () => undefined } }),
  );
  const client = catalogClient({ functionName: 'catalog', lambda: endpoint.lambda });
  if (options.isMigrated) await client.migrate();
  return { client, settings, [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose]() };
}
