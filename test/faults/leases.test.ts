import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import { type SourceServer, sourceServer } from '../e2e/source-server.ts';
import {
  leaseOf,
  type OpenStack,
  objectsUnder,
  openStack,
  type StackFolder,
  stackFolder,
} from '../e2e/stack-fixture.ts';
import { lifecycle } from '../lifecycle/fixtures.ts';
import { holdLeaseLock, until } from './task-processes.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 100 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

/**
 * Starts a run that goes on until the returned lock is let go: it has its lease, and waits to confirm it. Its task begins to only a good while
 * after the lease is there, because it has to be started first.
 */
async function held(start: () => ExecutionRecord): Promise<{ execution: ExecutionRecord; lock: Disposable }> {
  const execution = start();
  await until(`the lease of '${execution.name}'`, () => {
    const lease = leaseIn(folder);
    return lease?.holder === execution.name && !lease.isReleased;
  });
  return { execution, lock: holdLeaseLock(folder, 'orders') };
}

/** The lease of `orders`; undefined before the first. */
const leaseIn = (place: StackFolder) =>
  existsSync(join(place.store, 'leases/orders/logical.json')) ? leaseOf(place, 'orders') : undefined;

test('of two backups of one target one runs; the other is refused, and told who holds it and since when', async () => {
  const { execution: first, lock } = await held(() => opened.backup('orders'));
  const { since } = leaseOf(folder, 'orders');

  const refused = await opened.failed(opened.backup('orders'), 'lease-held');
  lock[Symbol.dispose]();
  const { run } = await opened.succeeded(first);

  const row = await opened.rowOf(refused);
  assert.deepEqual([row?.status, row?.errorCode], ['FAILED', 'lease-held']);
  assert.match(
    row?.errorMessage ?? '',
    new RegExp(
      `^lease 'leases/orders/logical.json' is held by 'backup ${run.backupId}' \\('${first.name}', token \\d+\\) since ${since}, and runs out at `,
    ),
  );
  assert.match(row?.errorHint ?? '', /wait for that run to end/);
  // The refusal did not release what the other holds, and left nothing of its own in the way.
  assert.equal((await opened.rowOf(first))?.status, 'COMPLETED');
  await opened.succeeded(opened.backup('orders'));
});

test('two stacks with a state of their own and one store never write one target at once', async () => {
  using secondFolder = await stackFolder({ server, storePath: folder.store, keyOf: folder });
  await using second = await openStack(secondFolder);
  const { execution: first, lock } = await held(() => opened.backup('orders'));

  const refused = await second.failed(second.backup('orders'), 'lease-held');
  lock[Symbol.dispose]();
  await opened.succeeded(first);
  await second.succeeded(second.backup('orders'));

  const row = await second.rowOf(refused);
  assert.match(row?.errorMessage ?? '', new RegExp(`'${first.name}'`));
});

test('a restore into a target waits for no backup of it, nor a backup for a restore: the second is refused', async () => {
  await opened.succeeded(opened.backup('orders'));
  {
    const { execution: backup, lock } = await held(() => opened.backup('orders'));
    const restore = await opened.failed(
      opened.restore({ backup: 'latest', target: 'orders', databases: ['orders'], as: 'never' }),
      'lease-held',
    );
    lock[Symbol.dispose]();
    await opened.succeeded(backup);
    const [recovery] = await opened.catalog.recoveries();
    assert.deepEqual(
      [recovery?.status, recovery?.errorCode, recovery?.execution],
      ['FAILED', 'lease-held', restore.name],
    );
    assert.equal(await server.ask('postgres', "select count(*) from pg_database where datname = 'never'"), '0');
  }

  const { execution: restore, lock } = await held(() =>
    opened.restore({ backup: 'latest', target: 'orders', databases: ['orders'], as: 'copied' }),
  );
  const refusal = await opened.failed(opened.backup('orders'), 'lease-held');
  lock[Symbol.dispose]();
  const ended = await opened.stack.waitFor(restore.arn);

  assert.equal(ended.status, 'SUCCEEDED', ended.cause);
  assert.match((await opened.rowOf(refusal))?.errorMessage ?? '', /is held by 'restore \d{8}T\d{6}Z-[0-9a-f]{8}'/);
  await opened.succeeded(opened.backup('orders'));
});

test('many requests for one scheduled time, through the state machine at once, give one backup', async () => {
  const scheduledTime = '2026-11-20T02:00:00Z';
  const before = objectsUnder(folder, 'backups/orders/').filter((key) => key.endsWith('manifest.json')).length;

  const asked = Array.from({ length: 10 }, () => opened.backup('orders', { scheduledTime, tier: 'daily' }));
  const ended = await Promise.all(asked.map(({ arn }) => opened.stack.waitFor(arn)));

  assert.deepEqual(new Set(ended.map(({ status }) => status)), new Set(['SUCCEEDED']));
  const outputs = ended.map(({ output = '{}' }) => JSON.parse(output) as { verdict: string; duplicateOf?: string });
  const duplicates = outputs.filter(({ verdict }) => verdict === 'duplicate');
  assert.equal(duplicates.length, 9);
  assert.equal(new Set(duplicates.map(({ duplicateOf }) => duplicateOf)).size, 1);
  const after = objectsUnder(folder, 'backups/orders/').filter((key) => key.endsWith('manifest.json')).length;
  assert.equal(after - before, 1);
});

test('a hundred requests for one scheduled time admit one run', async () => {
  await using place = await lifecycle();
  const request = backupRequestSchema.parse({ target: 'orders', tier: 'daily', scheduledTime: '2026-11-21T02:00:00Z' });

  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      admitBackup(place, {
        request,
        execution: `burst-${index}`,
        startedAt: '2026-11-21T02:00:00.000Z',
        redriveCount: 0,
      }),
    ),
  );

  assert.equal(answers.filter(({ verdict }) => verdict === 'admitted').length, 1);
  assert.equal(answers.filter(({ verdict }) => verdict === 'duplicate').length, 99);
});
