import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { applyEvents } from '../../lib/catalog/project.ts';
import { knownBackups } from '../../lib/catalog/queries/known-backups.ts';
import { listValidations } from '../../lib/catalog/queries/list-validations.ts';
import { targetNameSchema } from '../../lib/core/ids.ts';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { allRows, emptyCatalog, newCatalog } from './catalog-database.ts';
import {
  begun,
  completed,
  recoveryEnded,
  recoveryRequested,
  requested,
  restoreTestEnded,
  restoreTestRequested,
  validationEnded,
  verified,
} from './events.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const orders = targetNameSchema.parse('orders');

test('the history of validations is one table, newest first, with what was checked and how long it took', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [restoreTestRequested(), restoreTestEnded(), validationEnded()]);

  const { rows } = await catalog.owner.query(
    'select * from backup_mgmt.validation_results order by validation_timestamp desc',
  );

  const [test, read] = rows.map(({ backup_hk, load_date, record_source, ...row }) => row);
  assert.deepEqual(test, {
    validation_bk: '20261121T120000Z-0badcafe',
    backup_bk: '20261121T020000Z-9f3c2a1b',
    tenant_hk: null,
    target: 'orders',
    validation_type: 'restore-test',
    validation_status: 'PASSED',
    validation_timestamp: '2026-11-21T12:20:00.000Z',
    validation_start_time: '2026-11-21T12:00:00.000Z',
    validation_end_time: '2026-11-21T12:20:00.000Z',
    validation_duration_seconds: 1200,
    objects_checked: null,
    bytes_read: 4_000_000_000,
    databases_restored: 1,
    tables_compared: 12,
    rows_compared: 1_000_000,
    relations_checked: 40,
    assertions_checked: 2,
    server_version: '17.6',
    rto_seconds: 900,
    restore_seconds: 800,
    reason: 'it was named',
    error_code: null,
    error_message: null,
    error_hint: null,
    requested_by_kind: 'user',
    requested_by_name: 'anna',
    execution: 'orders-restore-test-1',
  });
  assert.equal(read.validation_type, 'full');
  assert.equal(read.objects_checked, 3);
});

test('a test that was asked for is running, and one that failed says why', async () => {
  await using catalog = await newCatalog(server);
  const error = { code: 'assertion-failed', message: "assertion 'orders are there': …", hint: 'look at the source' };
  const {
    figures: _,
    rtoSeconds: __,
    ...bare
  } = restoreTestEnded() as Extract<JournalEvent, { event: 'restore-test-ended' }>;

  await applyEvents(catalog.writer, [restoreTestRequested()]);
  const [running] = await listValidations(catalog.writer);
  await applyEvents(catalog.writer, [{ ...bare, status: 'FAILED', error }]);
  const ended = await listValidations(catalog.writer, { status: 'FAILED', type: 'restore-test', target: orders });

  assert.deepEqual(
    [running?.status, running?.startTime, running?.endTime],
    ['RUNNING', '2026-11-21T12:00:00.000Z', null],
  );
  assert.deepEqual(
    ended.map(({ status, errorCode, errorMessage, rtoSeconds }) => [status, errorCode, errorMessage, rtoSeconds]),
    [['FAILED', 'assertion-failed', "assertion 'orders are there': …", null]],
  );
});

test('events of a validation give the same row in any order, and however often', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [restoreTestRequested(), restoreTestEnded()]);
  const inOrder = await allRows(catalog.owner);

  await emptyCatalog(catalog.owner);
  await applyEvents(catalog.writer, [restoreTestEnded()]);
  await applyEvents(catalog.writer, [restoreTestRequested(), restoreTestEnded()]);

  assert.deepEqual(await allRows(catalog.owner), inOrder);
});

const day = (date: string, over: Record<string, unknown> = {}): JournalEvent[] => {
  const operation = `202611${date}T020000Z-9f3c2a1b`;
  const at = (time: string) => `2026-11-${date}T${time}.000Z`;
  return [
    requested({ operation, at: at('02:00:00'), scheduledTime: at('02:00:00') }),
    begun({ operation, at: at('02:00:01') }),
    completed({
      operation,
      at: at('02:30:00'),
      beganAt: at('02:00:01'),
      endedAt: at('02:30:00'),
      restorablePoint: at('02:00:05'),
      ...over,
    }),
  ];
};

test('restorable points are made of the newest good backups, the newest verified one, and the last restore test', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [
    ...['16', '17', '18', '19', '20', '21'].flatMap((date) => day(date)),
    verified({ operation: '20261116T020000Z-9f3c2a1b', at: '2026-11-16T12:00:00.000Z', by: 'restore-test' }),
    verified({ operation: '20261121T020000Z-9f3c2a1b', verification: 'FAILED', detail: 'corrupt: bad', by: 'full' }),
    restoreTestRequested(),
    restoreTestEnded(),
  ]);

  const known = await knownBackups(catalog.writer, {
    targets: [orders, targetNameSchema.parse('stock')],
    perTarget: 2,
  });

  assert.deepEqual(
    known.backups.map(({ target, backupId, restorablePoint, verification }) => [
      target,
      backupId.slice(0, 8),
      restorablePoint,
      verification,
    ]),
    [
      ['orders', '20261121', '2026-11-21T02:00:05.000Z', 'FAILED'],
      ['orders', '20261120', '2026-11-20T02:00:05.000Z', 'VALIDATED'],
      ['orders', '20261119', '2026-11-19T02:00:05.000Z', 'VALIDATED'],
      ['orders', '20261116', '2026-11-16T02:00:05.000Z', 'VERIFIED'],
    ],
  );
  assert.deepEqual(known.restoreTests, [
    {
      target: 'orders',
      validationId: '20261121T120000Z-0badcafe',
      backupId: '20261121T020000Z-9f3c2a1b',
      status: 'PASSED',
      endedAt: '2026-11-21T12:20:00.000Z',
      rtoSeconds: 900,
      bytesPerSecond: 5_000_000,
      error: null,
    },
  ]);
});

test('a backup that builds on one that is known to be bad is bad itself, however far the chain goes', async () => {
  await using catalog = await newCatalog(server);
  const id = (date: string) => `202611${date}T020000Z-9f3c2a1b`;
  await applyEvents(catalog.writer, [
    ...day('17'),
    ...day('18'),
    ...day('19', { parent: id('18') }),
    ...day('20', { parent: id('19') }),
    verified({ operation: id('20'), at: '2026-11-20T12:00:00.000Z', by: 'restore-test' }),
    verified({ operation: id('18'), verification: 'FAILED', detail: 'corrupt: bad', by: 'restore-test' }),
  ]);

  const { backups } = await knownBackups(catalog.writer, { targets: [orders], perTarget: 2 });

  assert.deepEqual(
    backups.map(({ backupId, verification }) => [backupId.slice(0, 8), verification]),
    [
      ['20261120', 'FAILED'],
      ['20261117', 'VALIDATED'],
    ],
  );
});

test('what recoveries took, and what losses would have cost, is measured for every run', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [
    ...day('19'),
    ...day('20'),
    ...day('21'),
    recoveryRequested(),
    recoveryEnded({ restoreSeconds: 500 }),
    restoreTestRequested(),
    restoreTestEnded(),
  ]);

  const rto = await catalog.owner.query(
    'select measured_by, rto_seconds, restore_seconds, bytes_per_second from backup_mgmt.measured_rto order by measured_at',
  );
  const rpo = await catalog.owner.query(
    'select backup_bk, rpo_seconds from backup_mgmt.measured_rpo order by measured_at',
  );

  assert.deepEqual(rto.rows, [
    { measured_by: 'recovery', rto_seconds: 540, restore_seconds: 500, bytes_per_second: 8_000_000 },
    { measured_by: 'restore-test', rto_seconds: 900, restore_seconds: 800, bytes_per_second: 5_000_000 },
  ]);
  assert.deepEqual(rpo.rows, [
    { backup_bk: '20261119T020000Z-9f3c2a1b', rpo_seconds: null },
    { backup_bk: '20261120T020000Z-9f3c2a1b', rpo_seconds: 88_195 },
    { backup_bk: '20261121T020000Z-9f3c2a1b', rpo_seconds: 88_195 },
  ]);
});
