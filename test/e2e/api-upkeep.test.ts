import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiClient, apiClient, endedRun } from './api-client.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let client: ApiClient;
/** Two backups of one target, the older first. */
let backups: readonly string[];

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 16 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
  client = await apiClient(opened);
  const first = await opened.succeeded(opened.backup('orders', { tier: 'daily' }));
  const second = await opened.succeeded(opened.backup('orders', { tier: 'daily' }));
  backups = [first.run.backupId, second.run.backupId];
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

type Row = Readonly<Record<string, unknown>>;
const rowsOf = (data: Row, name: string): readonly Row[] => data[name] as readonly Row[];
const key = (text: string) => ({ 'Idempotency-Key': text });

test('looks at backups are listed in pages, and by target, backup, kind and outcome', async () => {
  await client.call('validateBackup', { backupId: backups[0] });
  await opened.succeeded(opened.restoreTest({ backup: backups[1] ?? '' }));

  const all = await client.call('listValidations', { target: 'orders' });
  const ofFirst = await client.call('listValidations', { backup: backups[0], status: 'PASSED' });
  const tests = await client.call('listValidations', { type: 'restore-test' });
  const targets = await client.call('listTargets');
  const none = await client.call('listValidations', { status: 'FAILED' });
  const paged: unknown[] = [];
  for (let cursor: unknown; cursor !== null; ) {
    const { data } = await client.call('listValidations', { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
    paged.push(...rowsOf(data, 'validations').map(({ validationId }) => validationId));
    cursor = data['next'];
  }

  const ids = rowsOf(all.data, 'validations').map(({ validationId }) => validationId);
  // One look after each run, one that was asked for, and the restore test.
  assert.equal(ids.length, 4);
  assert.deepEqual(paged, ids);
  assert.deepEqual(
    rowsOf(ofFirst.data, 'validations').map(({ type, backupId }) => [type, backupId]),
    [
      ['full', backups[0]],
      ['full', backups[0]],
    ],
  );
  assert.deepEqual(
    rowsOf(tests.data, 'validations').map(({ backupId, status, tables }) => [backupId, status, Number(tables) > 0]),
    [[backups[1], 'PASSED', true]],
  );
  assert.deepEqual(none.data['validations'], []);
  const orders = rowsOf(targets.data, 'targets').find(({ name }) => name === 'orders');
  const last = orders?.['lastRestoreTest'] as Row | undefined;
  assert.deepEqual([last?.['backupId'], last?.['status']], [backups[1], 'PASSED'], JSON.stringify(targets.data));
});

test('a backup is held and released, with who did it and why, and any number of times', async () => {
  const [backupId] = backups;
  const held = await client.call('holdBackup', { backupId }, { reason: 'case 4711' });
  const again = await client.call('holdBackup', { backupId }, { reason: 'case 4712' });
  const shown = await client.call('listBackups', { target: 'orders' });
  const released = await client.call('releaseBackup', { backupId, reason: 'closed' });
  const unheld = await client.call('releaseBackup', { backupId });
  const after = await client.call('listBackups', { target: 'orders' });
  const unknown = await client.call('holdBackup', { backupId: '20200101T000000Z-00000000' }, { reason: 'x' });
  const wordless = await client.call('holdBackup', { backupId }, { reason: '' });

  assert.deepEqual(held.data, {
    ...{ backupId, target: 'orders', isHeld: true, reason: 'case 4711', wasHeld: false },
    ...{ legalHold: 'none', isBeingRemoved: false },
  });
  assert.equal(again.data['wasHeld'], true);
  const holdOf = (data: Row) => {
    const row = rowsOf(data, 'backups').find((backup) => backup['backupId'] === backupId);
    return [row?.['holdReason'], row?.['holdBy'], typeof row?.['holdSince']];
  };
  assert.deepEqual(holdOf(shown.data), ['case 4712', 'arn:aws:iam::000000000000:user/local-token', 'string']);
  assert.deepEqual([released.data['wasHeld'], released.data['isHeld']], [true, false]);
  assert.equal(unheld.data['wasHeld'], false);
  assert.deepEqual(holdOf(after.data), [null, null, 'object']);
  assert.deepEqual(
    objectsUnder(folder, `journal/${backupId}/`)
      .map((name) => /backup-(held|released)/.exec(name)?.[1])
      .filter((word) => word !== undefined),
    ['held', 'held', 'released'],
  );
  assert.deepEqual([unknown.status, unknown.data['code']], [404, 'backup-unknown']);
  assert.equal(wordless.status, 400);
});

test('a cleanup is asked for, dry or not, and says of each backup why it stays or goes', async () => {
  const dry = await client.call('createCleanup', key('dry'), { dryRun: true });
  const dryRun = await endedRun(client, 'cleanup', dry.data['name']);
  const plan = await client.call('getCleanup', { cleanupId: dryRun['operation'] });
  const first = await client.call('getCleanup', { cleanupId: dryRun['operation'], limit: 1 });
  const second = await client.call('getCleanup', {
    cleanupId: dryRun['operation'],
    limit: 1,
    cursor: first.data['next'],
  });
  const going = await client.call('getCleanup', { cleanupId: dryRun['operation'], verdict: 'delete' });
  const wish = { target: 'orders' };
  const real = await client.call('createCleanup', key('real'), wish);
  const again = await client.call('createCleanup', key('real'), wish);
  const other = await client.call('createCleanup', key('real'), { target: 'stock' });
  const realRun = await endedRun(client, 'cleanup', real.data['name']);
  const unknown = await client.call('getCleanup', { cleanupId: '20200101T000000Z-00000000' });
  const nobody = await client.call('createCleanup', key('nobody'), { target: 'nobody' });

  assert.equal(dry.status, 202);
  assert.equal(dry.headers['location'], `runs/cleanup/${dry.data['name']}`);
  assert.deepEqual([plan.data['backups'], plan.data['toDelete'], plan.data['bytesToFree']], [2, 0, 0]);
  const decided = (data: Row) => rowsOf(data, 'decisions').map(({ id, verdict }) => [id, verdict]);
  assert.deepEqual(decided(plan.data).toSorted(), [
    [backups[0], 'keep'],
    [backups[1], 'keep'],
  ]);
  for (const { reason } of rowsOf(plan.data, 'decisions')) assert.match(String(reason), /\w+ \w+/);
  assert.deepEqual([...decided(first.data), ...decided(second.data)], decided(plan.data));
  assert.equal(second.data['next'], null);
  assert.deepEqual(going.data['decisions'], []);
  assert.equal(again.data['name'], real.data['name']);
  assert.deepEqual([other.status, other.data['code']], [422, 'idempotency-key-reused']);
  assert.equal(realRun['status'], 'SUCCEEDED', JSON.stringify(realRun));
  assert.deepEqual([unknown.status, unknown.data['code']], [404, 'cleanup-unknown']);
  assert.deepEqual([nobody.status, nobody.data['code']], [404, 'target-unknown']);
});
