import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { hasCode } from '../../lib/core/has-code.ts';
import type { RestoreRun } from '../../lib/core/requests.ts';
import { readKeyFile } from '../../lib/keys/key-file.ts';
import { openKeyProviderOf } from '../../lib/keys/open-key-provider.ts';
import type { StackEvent } from '../../lib/local/local-stack.ts';
import { catalogDatabase } from './catalog-access.ts';
import { backupUser, type SourceServer, sourceServer } from './source-server.ts';
import {
  leaseOf,
  manifestOf,
  type OpenStack,
  objectsUnder,
  openStack,
  type StackFolder,
  stackFolder,
} from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
const events: StackEvent[] = [];

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 2500 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder, { onEvent: (event) => events.push(event) });
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const statesOf = async (arn: string): Promise<string[]> =>
  (await opened.stack.executions.events(arn)).flatMap(({ type, state }) =>
    type === 'state-entered' && state !== undefined ? [state] : [],
  );

test('a backup asked for by {"target":"orders"} ends in store, journal, catalog, metrics and event', async () => {
  const execution = opened.backup('orders');

  const { record, run } = await opened.succeeded(execution);

  assert.equal(record.input, '{"target":"orders"}');
  assert.deepEqual(await statesOf(record.arn), [
    'Admit the backup request',
    'Is it a new request?',
    'Write the backup to the store',
    'Validate the backup',
    'Was everything backed up?',
    'Record the backup',
    'Release the lease',
    'Publish the outcome',
    'Backup complete',
  ]);

  const manifest = manifestOf(folder, run);
  assert.equal(manifest.status, 'complete');
  assert.deepEqual(manifest.streams.map(({ kind, name, status }) => `${kind} ${name} ${status}`).sort(), [
    'database orders complete',
    'globals globals complete',
  ]);
  assert.deepEqual(
    objectsUnder(folder, `backups/orders/${run.backupId}/`),
    [
      ...manifest.streams.flatMap(({ objects }) => objects.map(({ key }) => key)),
      `backups/orders/${run.backupId}/manifest.json`,
    ].sort(),
  );
  assert.ok(
    manifest.streams.some(({ objects }) => objects.length > 1),
    'the database goes on in a second object',
  );
  assert.deepEqual(
    objectsUnder(folder, `journal/${run.backupId}/`).map((key) => key.split('/')[2]?.replace(/-\d{8}T.*/, '')),
    ['010-backup-requested', '020-backup-begun', '030-backup-completed'],
  );

  const row = await opened.rowOf(execution);
  assert.ok(row);
  const { startTime, endTime, durationSeconds, compressionRatio, retentionUntil, ...known } = row;
  assert.deepEqual(known, {
    backupId: run.backupId,
    target: 'orders',
    engine: 'postgres',
    method: 'logical',
    tier: 'manual',
    type: 'FULL',
    status: 'COMPLETED',
    plainBytes: manifest.plainBytes,
    storedBytes: manifest.storedBytes,
    verification: 'VALIDATED',
    errorCode: null,
    errorMessage: null,
    errorHint: null,
    storageLocation: `file://${folder.store}/backups/orders/${run.backupId}/manifest.json`,
    scheduledTime: null,
    requestedByKind: 'user',
    requestedByName: null,
    execution: record.name,
    holdSince: null,
    holdBy: null,
    holdReason: null,
    expiryReason: null,
  });
  assert.ok(Date.parse(endTime ?? '') >= Date.parse(startTime));
  assert.ok(Number(durationSeconds) > 0, String(durationSeconds));
  assert.ok(Number(compressionRatio) > 1, String(compressionRatio));
  assert.ok(Date.parse(retentionUntil ?? '') > Date.now());

  assert.equal(leaseOf(folder, 'orders').isReleased, true);
  const metrics = await (await fetch(`${opened.stack.statusUrl}/metrics`)).text();
  const series = 'service="postgres",type="logical",target="orders"';
  assert.ok(metrics.includes(`\nbackup_status{${series}} 1\n`), metrics);
  assert.ok(metrics.includes(`\nbackup_size_bytes{${series}} ${manifest.storedBytes}\n`), metrics);
  assert.ok(metrics.includes(`\nbackup_validation_status{${series}} 1\n`), metrics);
  assert.match(metrics, /^backup_validation_duration\{service="postgres",type="logical",target="orders"\} 0?\.?\d+/m);
  const calls = await opened.stack.calls.read();
  assert.deepEqual(calls.filter(({ action }) => action === 'events:PutEvents').length, 1);
});

test('a restore through the state machine is compared, recorded and gives the same rows', async () => {
  const { run: backup } = await opened.succeeded(opened.backup('orders'));

  const { record, run } = await opened.succeeded<RestoreRun>(
    opened.restore({ backup: 'latest', target: 'orders', databases: ['orders'], as: 'orders_copy' }),
  );

  assert.equal(run.backupId, backup.backupId);
  assert.deepEqual(await statesOf(record.arn), [
    'Admit the restore request',
    'May it run?',
    'Restore and compare',
    'Record the restore',
    'Release the leases',
    'Publish the outcome',
    'Restore complete',
  ]);
  const digest = "select md5(string_agg(o::text, ',' order by id)) from orders o";
  assert.equal(await server.ask('orders_copy', digest), await server.ask('orders', digest));
  const { startTime, endTime, durationSeconds, ...recovery } = (await opened.catalog.recoveries())[0] ?? {};
  assert.deepEqual(recovery, {
    recoveryId: run.recoveryId,
    backupId: backup.backupId,
    target: 'orders',
    destination: 'orders/orders_copy',
    status: 'COMPLETED',
    restoredBytes: manifestOf(folder, backup).streams.find(({ kind }) => kind === 'database')?.plainBytes,
    isCompared: true,
    proof: 'loaded',
    errorCode: null,
    errorMessage: null,
    errorHint: null,
    execution: record.name,
    approvalAwaitedSince: null,
    approvalAwaitedUntil: null,
  });
  assert.ok(Number(durationSeconds) > 0 && Date.parse(endTime ?? '') > Date.parse(startTime ?? ''));
  assert.equal(leaseOf(folder, 'orders').isReleased, true);
});

test('neither password nor keys are anywhere but in their own files', async () => {
  const { run } = await opened.succeeded(opened.backup('orders'));
  const failure = await opened.failed(opened.backup('stock'), 'database-missing');
  await server.run('postgres', `alter role ${backupUser} password 'changed'`);
  const refusal = await opened
    .failed(opened.backup('orders'), 'auth-failed')
    .finally(() => server.run('postgres', `alter role ${backupUser} password '${server.backupPassword}'`));

  const { wrappedKey } = manifestOf(folder, run).encryption;
  assert.ok(wrappedKey);
  const provider = await openKeyProviderOf(wrappedKey, folder.config.encryption);
  const dataKey = await provider.unwrap(wrappedKey, { target: run.target, backupId: run.backupId });
  const [{ key: fileKey }] = await readKeyFile(folder.config.encryption.keyFile);
  const secrets = [Buffer.from(server.backupPassword), ...[dataKey, fileKey].flatMap(everyForm)];
  const isLeak = (bytes: Buffer): boolean => secrets.some((secret) => bytes.includes(secret));
  // With everything below folders whose names begin with a dot, which patterns leave out.
  const files = readdirSync(folder.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(folder.assembly))
    .map((entry) => join(entry.parentPath, entry.name));

  assert.ok(
    isLeak(readFileSync(join(folder.root, 'password'))) && isLeak(readFileSync(join(folder.root, 'holdfast.key'))),
  );
  assert.deepEqual(
    files
      .filter((file) => isLeak(readIfThere(file)))
      .map((file) => relative(folder.root, file))
      .sort(),
    ['holdfast.key', 'password'],
  );
  for (const name of ['executions.jsonl', 'calls.jsonl'])
    assert.ok(files.includes(join(folder.stateDirectory, name)), name);
  assert.ok(files.some((file) => file.startsWith(join(folder.stateDirectory, 'logs/'))));
  assert.equal(isLeak(Buffer.from(JSON.stringify([failure, refusal]))), false);
  await using database = await catalogDatabase(folder);
  const { rows } = await database.client.query<{ everything: string }>(
    `select query_to_xml('select * from holdfast.applied_event', true, false, '')::text || schema_to_xml('backup_mgmt', true, false, '')::text as everything`,
  );
  assert.ok((rows[0]?.everything.length ?? 0) > 10_000);
  assert.equal(isLeak(Buffer.from(rows[0]?.everything ?? '')), false);
});

/** The catalog's server removes files of its own at any time. */
function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return Buffer.alloc(0);
    throw error;
  }
}

/** A key as bytes, and as text in the forms in which keys are written. */
const everyForm = (key: Buffer): Buffer[] => [
  key,
  ...(['hex', 'base64', 'base64url'] as const).map((form) => Buffer.from(key.toString(form))),
];
