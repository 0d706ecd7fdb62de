import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { healthKeys, manifestKey, outcomeKey, walHealthKey } from '../../lib/core/object-keys.ts';
import {
  type BackupRun,
  backupRequestSchema,
  backupRunSchema,
  restoreRunSchema,
  restoreTestRunSchema,
} from '../../lib/core/requests.ts';
import type { Method } from '../../lib/core/vocabulary.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { recordOutcome } from '../../lib/lifecycle/record-outcome.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { lifecycle } from './fixtures.ts';

const testRun = restoreTestRunSchema.parse({
  validationId: '20261121T120000Z-0badcafe',
  backupId: '20261121T020000Z-9f3c2a1b',
  target: 'orders',
  reason: 'it was named',
  requestedBy: { kind: 'user' },
  execution: 'sunday',
  requestedAt: '2026-11-21T12:00:00.000Z',
});
const figures = {
  server: 'PostgreSQL',
  serverVersion: '17.6',
  databases: 1,
  tables: 12,
  rows: 1000,
  words: { collection: 'table', item: 'row' },
  relations: 40,
  assertions: 2,
  restoredBytes: 4_000_000_000,
  restoreSeconds: 800,
};
const passed = {
  attempt: 'a1b2',
  endedAt: '2026-11-21T12:20:00.000Z',
  exitCode: 0,
  restoreTest: { ...figures, restoredAt: '2026-11-21T12:15:00.000Z' },
};
const failure = { code: 'task-killed', message: 'killed', hint: 'more memory' };

test('a restore test that passed verifies its backup, and says what a recovery would have taken', async () => {
  await using parts = await lifecycle();
  await putJson(parts.store, outcomeKey(testRun.validationId, 'a1b2'), passed);

  const recorded = await recordOutcome(parts, { run: testRun });

  assert.deepEqual(recorded, { indexed: false, status: 'COMPLETED', rtoSeconds: 900 });
  assert.deepEqual(parts.recorded, [
    {
      event: 'backup-verified',
      operation: '20261121T020000Z-9f3c2a1b',
      at: '2026-11-21T12:20:00.000Z',
      tenant: null,
      verification: 'VERIFIED',
      detail:
        'restored into PostgreSQL 17.6: 12 tables and 1000 rows are the same, 40 relations are sound, 2 assertions hold',
      by: 'restore-test',
      validation: '20261121T120000Z-0badcafe',
    },
    {
      event: 'restore-test-ended',
      operation: '20261121T120000Z-0badcafe',
      at: '2026-11-21T12:20:00.000Z',
      tenant: null,
      backupId: '20261121T020000Z-9f3c2a1b',
      target: 'orders',
      requestedBy: { kind: 'user' },
      status: 'PASSED',
      beganAt: '2026-11-21T12:00:00.000Z',
      endedAt: '2026-11-21T12:20:00.000Z',
      figures,
      rtoSeconds: 900,
    },
  ]);
});

test('a cluster that was gone through and held against nothing is not said to be compared', async () => {
  await using parts = await lifecycle();
  const run = restoreRunSchema.parse({
    recoveryId: '20261121T130000Z-0badcafe',
    backupId: '20261121T020000Z-9f3c2a1b',
    target: 'orders',
    into: 'orders',
    databases: null,
    as: '/srv/orders',
    replace: false,
    requestedBy: { kind: 'user' },
    execution: 'asked',
    requestedAt: '2026-11-21T13:00:00.000Z',
  });
  const copy = { from: 'cluster', to: '/srv/orders', same: true, tables: 1, rows: 900, differences: [], remarks: [] };
  await putJson(parts.store, outcomeKey(run.recoveryId, 'a1b2'), {
    attempt: 'a1b2',
    endedAt: '2026-11-21T13:10:00.000Z',
    exitCode: 0,
    restore: { restoredBytes: 4_000_000_000, databases: [{ ...copy, proof: 'examined' }] },
  });

  const recorded = await recordOutcome(parts, { run });

  assert.deepEqual(recorded, { indexed: false, status: 'COMPLETED', rtoSeconds: 600, proof: 'examined' });
  assert.deepEqual(
    parts.recorded.map((event) => event.event === 'recovery-ended' && event.compared),
    [false],
  );
});

test('a restore test of a cluster says that it was recovered, and not that its files are the same', async () => {
  await using parts = await lifecycle();
  const words = { collection: 'folder', item: 'file' };
  await putJson(parts.store, outcomeKey(testRun.validationId, 'a1b2'), {
    ...passed,
    restoreTest: { ...passed.restoreTest, tables: 2, rows: 1280, words, proof: 'examined' },
  });

  await recordOutcome(parts, { run: testRun });

  const [verdict] = parts.recorded;
  assert.equal(
    verdict?.event === 'backup-verified' && verdict.detail,
    'restored into PostgreSQL 17.6: 2 folders and 1280 files were recovered, 40 relations are sound, 2 assertions hold',
  );
});

test('a failure after the proof takes the proof not back', async () => {
  await using parts = await lifecycle();
  await putJson(parts.store, outcomeKey(testRun.validationId, 'a1b2'), passed);

  const recorded = await recordOutcome(parts, { run: testRun, failure });

  assert.equal(recorded.status, 'COMPLETED');
  assert.equal(parts.recorded.length, 2);
});

test('a test that came to no end says nothing of its backup', async () => {
  await using parts = await lifecycle();

  const recorded = await recordOutcome(parts, { run: testRun, failure });

  assert.deepEqual(recorded, { indexed: false, status: 'FAILED' });
  assert.deepEqual(
    parts.recorded.map((event) => [event.event, 'status' in event && event.status]),
    [['restore-test-ended', 'ERROR']],
  );
});

test('a backup tells what a loss just before its end would have cost, and the first of a target does not', async () => {
  await using parts = await lifecycle();
  const target = targetNameSchema.parse('orders');
  const runOf = (backupId: string, method = 'logical') =>
    backupRunSchema.parse({
      backupId,
      target,
      engine: 'postgres',
      method,
      tier: 'daily',
      scheduledTime: null,
      requestedBy: { kind: 'user' },
      execution: 'night',
      fencingToken: 1,
      requestedAt: '2026-11-21T02:00:00.000Z',
    });
  const publish = (backupId: string, status: 'complete' | 'partial', day: number, method: Method = 'logical') =>
    putJson(parts.store, manifestKey(target, backupIdSchema.parse(backupId)), {
      ...manifestOf({ backupId, status, method }),
      beganAt: `2026-11-${day}T02:00:10.000Z`,
      endedAt: `2026-11-${day}T02:04:40.000Z`,
    });
  await publish('20261121T020000Z-00000001', 'complete', 21);
  await publish('20261122T020000Z-00000002', 'partial', 22);
  await publish('20261122T030000Z-00000004', 'complete', 22, 'schema');
  await publish('20261123T020000Z-00000003', 'complete', 23);

  const first = await recordOutcome(parts, { run: runOf('20261121T020000Z-00000001') });
  const definitions = await recordOutcome(parts, { run: runOf('20261122T030000Z-00000004', 'schema') });
  const third = await recordOutcome(parts, { run: runOf('20261123T020000Z-00000003') });

  assert.deepEqual(first, { indexed: false, status: 'COMPLETED' });
  assert.deepEqual(definitions, { indexed: false, status: 'COMPLETED' });
  // Two days and four and a half minutes: neither the partial backup between them nor the definitions alone are a restorable point.
  assert.deepEqual(third, { indexed: false, status: 'COMPLETED', rpoSeconds: 173_070 });
});

test('a backup of a target whose log is received tells what the log leaves unsaved, which is seconds', async () => {
  await using parts = await lifecycle({ wal: '{ receive: true }' });
  const { store } = parts;
  const target = targetNameSchema.parse('orders');
  const publish = (backupId: string, day: number) =>
    putJson(store, manifestKey(target, backupIdSchema.parse(backupId)), {
      ...manifestOf({ backupId }),
      beganAt: `2026-11-${day}T01:00:10.000Z`,
      endedAt: `2026-11-${day}T01:04:40.000Z`,
    });
  await publish('20261120T010000Z-00000001', 20);
  await publish('20261121T010000Z-00000002', 21);
  await putJson(store, healthKeys.watch, {
    ...{ formatVersion: 1, at: '2026-11-21T01:56:00.000Z', uninterruptedSince: '2026-11-01T00:00:00.000Z' },
    ...{ schedules: {}, series: {}, open: [] },
    logs: {
      orders: {
        ...{ backupId: '20261120T010000Z-00000001', systemIdentifier: '7434001122334455667', timeline: 1 },
        ...{ lsn: '0/5000000', point: '2026-11-21T01:55:51.000Z' },
      },
    },
  });
  await putJson(store, walHealthKey(target), {
    ...{ formatVersion: 1, at: '2026-11-21T01:59:58.000Z', target, systemIdentifier: '7434001122334455667' },
    ...{ state: 'receiving', timeline: 1, receivedLsn: '0/6000000', durableLsn: '0/6000000' },
    ...{ restorablePoint: '2026-11-21T01:59:53.000Z', lagBytes: 0, lagSeconds: 0, gap: null },
    slot: { name: 'holdfast_orders', retainedBytes: 0, safeBytes: null, limitBytes: null },
  });
  const run = backupRunSchema.parse({
    ...{ backupId: '20261121T010000Z-00000002', target, engine: 'postgres', method: 'logical', tier: 'daily' },
    ...{ scheduledTime: null, requestedBy: { kind: 'user' }, execution: 'night', fencingToken: 1 },
    requestedAt: '2026-11-21T01:00:00.000Z',
  });

  const recorded = await recordOutcome(parts, { run });
  const again = await recordOutcome({ ...parts, clock: () => new Date('2026-11-21T03:00:00.000Z') }, { run });

  assert.deepEqual(recorded, { indexed: false, status: 'COMPLETED', rpoSeconds: 7 });
  assert.deepEqual(again, recorded);
  const [event] = parts.recorded;
  assert.deepEqual(event?.event === 'backup-completed' && event.logPoint, {
    at: '2026-11-21T01:59:53.000Z',
    seenAt: '2026-11-21T02:00:00.000Z',
  });
});

const unreadable = { code: 'manifest-unreadable', message: 'manifest is not JSON', hint: 'was it altered?' };

async function admitted(parts: Awaited<ReturnType<typeof lifecycle>>): Promise<BackupRun> {
  const request = backupRequestSchema.parse({ target: 'orders' });
  const admission = await admitBackup(parts, {
    request,
    execution: 'night',
    startedAt: '2026-11-21T02:00:00.000Z',
    redriveCount: 0,
  });
  assert.equal(admission.verdict, 'admitted');
  return admission.run;
}

for (const [what, text] of [
  ['damaged', '{"formatVersion":1,'],
  ['of a newer Holdfast', '{"formatVersion":2}'],
] as const) {
  test(`a failure is recorded although the run's manifest is ${what}`, async () => {
    await using parts = await lifecycle();
    const run = await admitted(parts);
    await parts.store.put(manifestKey(run.target, run.backupId), Buffer.from(text));

    const recorded = await recordOutcome(parts, { run, failure: unreadable });

    assert.equal(recorded.status, 'FAILED');
    const event = parts.recorded.at(-1);
    assert.deepEqual(event?.event === 'backup-failed' && event.error, unreadable);
  });
}

test('a success is not recorded when the manifest cannot be read', async () => {
  await using parts = await lifecycle();
  const run = await admitted(parts);
  await parts.store.put(manifestKey(run.target, run.backupId), Buffer.from('{'));

  await assert.rejects(recordOutcome(parts, { run }), { name: 'manifest-unreadable' });
});
