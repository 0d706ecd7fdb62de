import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BackupEvent, projectBackup } from '../../lib/catalog/project-backup.ts';
import { backupIdSchema } from '../../lib/core/ids.ts';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { begun, completed, deleted, expired, failed, held, kept, released, requested, verified } from './events.ts';

const id = backupIdSchema.parse('20261121T020000Z-9f3c2a1b');
const project = (...events: JournalEvent[]) => projectBackup(id, events as BackupEvent[]);

test('a completed backup has every column that operators read', () => {
  const rows = project(requested(), begun(), completed());

  assert.deepEqual(rows.at(-1), {
    backup_hk: '\\x0a388389c577109665129cf3997c4cb67079cc1b69b2bbaab39335b4aa54c40f',
    backup_bk: '20261121T020000Z-9f3c2a1b',
    tenant_hk: null,
    target: 'orders',
    engine: 'postgres',
    method: 'logical',
    tier: 'daily',
    backup_type: 'FULL',
    scheduled_time: '2026-11-21T02:00:00.000Z',
    requested_by_kind: 'schedule',
    requested_by_name: 'orders-daily-logical',
    execution: 'orders-20261121T020000Z',
    backup_status: 'COMPLETED',
    backup_start_time: '2026-11-21T02:00:10.500Z',
    backup_end_time: '2026-11-21T02:04:40.750Z',
    backup_duration_seconds: '270.250',
    backup_size_bytes: 4_000_000_000,
    compressed_size_bytes: 1_000_000_000,
    compression_ratio: '4.0000',
    verification_status: 'VALIDATED',
    verification_detail: null,
    verified_point: null,
    error_code: null,
    error_message: null,
    error_hint: null,
    storage_location: 's3://vault/backups/orders/20261121T020000Z-9f3c2a1b/',
    storage_type: 's3',
    retention_until: '2026-11-28T02:04:40.750Z',
    restorable_point: '2026-11-21T02:00:10.500Z',
    made_from: null,
    log_point: null,
    log_point_seen_at: null,
    fencing_token: 7,
    hold_since: null,
    hold_by: null,
    hold_reason: null,
    expiry_reason: null,
    load_date: '2026-11-21T02:05:00.000Z',
    load_end_date: null,
    record_source: 'journal/20261121T020000Z-9f3c2a1b/030-backup-completed-20261121T020500000Z.json',
  });
});

test('definitions alone are of a type of their own and bring back no moment', () => {
  const row = project(requested({ method: 'schema' }), begun(), completed()).at(-1);

  assert.equal(row?.backup_status, 'COMPLETED');
  assert.equal(row?.backup_type, 'SCHEMA');
  assert.equal(row?.restorable_point, null);
});

test('a failed backup says why, and keeps the time of its request when it never began', () => {
  const row = project(requested(), failed()).at(-1);

  assert.equal(row?.backup_status, 'FAILED');
  assert.equal(row?.backup_start_time, '2026-11-21T02:00:00.000Z');
  assert.equal(row?.backup_end_time, '2026-11-21T02:02:50.000Z');
  assert.equal(row?.backup_duration_seconds, '170.000');
  assert.equal(row?.error_code, 'source-unreachable');
  assert.equal(row?.error_message, "server 'db.internal:5432' refused the connection");
  assert.equal(row?.storage_location, null);
});

test('a partial backup is failed with the place of what can be restored', () => {
  const partial = failed({
    error: { code: 'partial', message: 'a part of the backup failed', hint: 'see the others' },
    storageLocation: 's3://vault/backups/orders/20261121T020000Z-9f3c2a1b/manifest.json',
    storageType: 's3',
    plainBytes: 300,
    storedBytes: 100,
    retentionUntil: '2026-11-28T00:00:00Z',
  });

  const row = project(requested(), begun(), partial).at(-1);

  assert.equal(row?.backup_status, 'FAILED');
  assert.equal(row?.error_code, 'partial');
  assert.equal(row?.storage_location, 's3://vault/backups/orders/20261121T020000Z-9f3c2a1b/manifest.json');
  assert.equal(row?.compression_ratio, '3.0000');
  assert.equal(row?.retention_until, '2026-11-28T00:00:00.000Z');
});

test('a completion after a failure clears it; a failure after a completion takes nothing back', () => {
  const redriven = project(requested(), begun(), failed(), completed()).at(-1);
  const unannounced = project(requested(), begun(), completed(), failed({ at: '2026-11-21T02:06:00.000Z' })).at(-1);

  assert.deepEqual([redriven?.backup_status, redriven?.error_message], ['COMPLETED', null]);
  assert.deepEqual(
    [unannounced?.backup_status, unannounced?.error_code, unannounced?.compressed_size_bytes],
    ['COMPLETED', 'source-unreachable', 1_000_000_000],
  );
});

test('a restore test changes the verification and nothing else', () => {
  const rows = project(requested(), begun(), completed(), verified());

  assert.deepEqual(
    rows.map(({ backup_status, verification_status, load_end_date }) => [
      backup_status,
      verification_status,
      load_end_date,
    ]),
    [
      ['REQUESTED', 'PENDING', '2026-11-21T02:00:10.500Z'],
      ['RUNNING', 'PENDING', '2026-11-21T02:05:00.000Z'],
      ['COMPLETED', 'VALIDATED', '2026-11-21T09:00:00.000Z'],
      ['COMPLETED', 'VERIFIED', null],
    ],
  );
  assert.equal(rows.at(-1)?.backup_size_bytes, 4_000_000_000);
});

test('events of clocks that disagree keep their order, a millisecond apart', () => {
  const rows = project(
    requested({ at: '2026-11-21T03:00:00.000Z' }),
    begun({ at: '2026-11-21T02:00:00.000Z' }),
    completed({ at: '2026-11-21T02:05:00.000Z' }),
  );

  assert.deepEqual(
    rows.map(({ backup_status, load_date }) => [backup_status, load_date]),
    [
      ['REQUESTED', '2026-11-21T03:00:00.000Z'],
      ['RUNNING', '2026-11-21T03:00:00.001Z'],
      ['COMPLETED', '2026-11-21T03:00:00.002Z'],
    ],
  );
});

test('a completion whose request was lost is a row all the same', () => {
  const row = project(completed()).at(-1);

  assert.equal(row?.backup_status, 'COMPLETED');
  assert.equal(row?.target, null);
  assert.equal(row?.backup_type, null);
});

test('a backup that builds on another is incremental; one of nothing has no ratio; a tenant is a hash', () => {
  const row = project(
    requested({ parent: '20261120T020000Z-aaaaaaaa', tenant: 'acme' }),
    completed({ plainBytes: 0, storedBytes: 0, tenant: 'acme' }),
  ).at(-1);

  assert.equal(row?.backup_type, 'INCREMENTAL');
  assert.equal(row?.compression_ratio, null);
  assert.equal(row?.tenant_hk, '\\x822b33ad87c148a0a20a5ba7cd5ebcaa68d36a18e7aad165554903f52ca82757');
});

test('a hold is in the row while it stands, and changes nothing else', () => {
  const holds = project(requested(), completed(), held(), released()).map(
    ({ backup_status, hold_since, hold_by, hold_reason }) => [backup_status, hold_since, hold_by, hold_reason],
  );

  assert.deepEqual(holds, [
    ['REQUESTED', null, null, null],
    ['COMPLETED', null, null, null],
    ['COMPLETED', '2026-12-01T08:00:00.000Z', 'anna', 'case 4711'],
    ['COMPLETED', null, null, null],
  ]);
});

test('a removal is EXPIRED when it begins and DELETED when nothing is left, with the rule that let the backup go', () => {
  const rows = project(requested(), completed(), expired(), deleted()).map(
    ({ backup_status, expiry_reason, storage_location, load_date }) => [
      backup_status,
      expiry_reason,
      storage_location === null,
      load_date,
    ],
  );

  const reason = 'daily: was kept until 2026-11-28, and nothing needs it any more';
  assert.deepEqual(rows.slice(2), [
    ['EXPIRED', reason, false, '2026-12-06T06:00:00.000Z'],
    ['DELETED', reason, true, '2026-12-06T06:00:05.000Z'],
  ]);
});

test('a backup that was to go and stays is again what it was', () => {
  const complete = project(requested(), completed(), expired(), kept()).at(-1);
  const partial = project(
    requested(),
    failed({ storageLocation: 's3://vault/x', storageType: 's3' }),
    expired(),
    expired({ at: '2026-12-06T06:00:00.500Z' }),
    kept(),
  ).at(-1);

  assert.deepEqual([complete?.backup_status, complete?.expiry_reason], ['COMPLETED', null]);
  assert.deepEqual([partial?.backup_status, partial?.storage_location], ['FAILED', 's3://vault/x']);
});
