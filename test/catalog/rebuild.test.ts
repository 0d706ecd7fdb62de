import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { applyEvents } from '../../lib/catalog/project.ts';
import { rebuildCatalog } from '../../lib/catalog/rebuild.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { openStore } from '../../lib/store/open-store.ts';
import type { Store } from '../../lib/store/store.ts';
import { putJson } from '../../lib/store/text.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { allRows, emptyCatalog, newCatalog } from './catalog-database.ts';
import {
  begun,
  completed,
  declared,
  deleted,
  expired,
  failed,
  held,
  kept,
  recoveryApproved,
  recoveryEnded,
  recoveryRequested,
  released,
  requested,
  restoreTestEnded,
  restoreTestRequested,
  schedule,
  scheduleChanged,
  targetsDeclared,
  validationEnded,
  verified,
} from './events.ts';
import { manifestOf } from './manifests.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const life: readonly JournalEvent[] = [
  declared('2026-11-20T12:00:00.000Z', [schedule()]),
  requested({ parent: '20261120T020000Z-aaaaaaaa', tenant: 'acme' }),
  begun({ tenant: 'acme' }),
  completed({ tenant: 'acme' }),
  requested({ operation: '20261121T040000Z-0000000f', at: '2026-11-21T04:00:00Z' }),
  failed({ operation: '20261121T040000Z-0000000f', at: '2026-11-21T04:03:00Z' }),
  recoveryRequested({ tenant: 'acme' }),
  verified({ tenant: 'acme' }),
  validationEnded({ tenant: 'acme' }),
  restoreTestEnded({ tenant: 'acme' }),
  restoreTestRequested({ tenant: 'acme' }),
  recoveryEnded({ tenant: 'acme' }),
  held({ tenant: 'acme' }),
  released({ tenant: 'acme' }),
  expired({ tenant: 'acme', at: '2026-11-29T06:00:00.000Z' }),
  kept({ tenant: 'acme', at: '2026-11-29T06:00:01.000Z' }),
  expired({ tenant: 'acme' }),
  deleted({ tenant: 'acme' }),
  targetsDeclared('2026-11-20T11:00:00.000Z', [{ name: 'orders', tenant: 'acme' }]),
  recoveryApproved({ tenant: 'acme' }),
  scheduleChanged('2026-11-21T18:00:00.000Z', { enabled: false }),
  declared('2026-11-22T12:00:00.000Z', []),
];

test('a rebuild gives the rows that the live path made, in every column of the nine tables and the audit trail', async () => {
  await using catalog = await newCatalog(server);
  await using place = await newStore();
  for (const event of life) {
    await putJson(place.store, journalKey(event), event, { condition: 'absent' });
    await applyEvents(catalog.writer, [event]);
  }
  const live = await allRows(catalog.owner);

  await emptyCatalog(catalog.owner);
  const apply = (events: readonly JournalEvent[]) => applyEvents(catalog.writer, events);
  const first = await rebuildCatalog({ store: place.store, apply });
  const rebuilt = await allRows(catalog.owner);
  const second = await rebuildCatalog({ store: place.store, apply });

  assert.deepEqual(first, { journaled: 22, derived: 0, applied: 22, unreadable: [] });
  assert.deepEqual(rebuilt, live);
  assert.equal(rebuilt['backup_execution_s']?.length, 12);
  assert.equal(rebuilt['backup_schedule_s']?.length, 2);
  assert.equal(rebuilt['validation_results']?.length, 2);
  assert.equal(rebuilt['audit_entry']?.length, 22);
  assert.deepEqual(second, { journaled: 22, derived: 0, applied: 0, unreadable: [] });
});

test('a backup whose journal was lost is found by its manifest', async () => {
  await using catalog = await newCatalog(server);
  await using place = await newStore();
  const whole = manifestOf({ backupId: '20261121T020000Z-9f3c2a1b' });
  const partial = manifestOf({ backupId: '20261122T020000Z-9f3c2a1b', status: 'partial' });
  for (const manifest of [whole, partial]) {
    await putJson(place.store, `backups/orders/${manifest.backupId}/manifest.json`, manifest);
  }

  const result = await rebuildCatalog({
    store: place.store,
    apply: (events) => applyEvents(catalog.writer, events),
  });

  assert.deepEqual(result, { journaled: 0, derived: 6, applied: 6, unreadable: [] });
  const { rows } = await catalog.owner.query(
    `select backup_bk, target, tier, backup_status, verification_status, backup_size_bytes, compressed_size_bytes, error_code,
       error_message, storage_location
     from backup_mgmt.backup_execution_s where load_end_date is null order by backup_bk`,
  );
  assert.deepEqual(rows, [
    {
      backup_bk: '20261121T020000Z-9f3c2a1b',
      target: 'orders',
      tier: 'daily',
      backup_status: 'COMPLETED',
      verification_status: 'PENDING',
      backup_size_bytes: 1000,
      compressed_size_bytes: 250,
      error_code: null,
      error_message: null,
      storage_location: `${place.store.url}/backups/orders/20261121T020000Z-9f3c2a1b/manifest.json`,
    },
    {
      backup_bk: '20261122T020000Z-9f3c2a1b',
      target: 'orders',
      tier: 'daily',
      backup_status: 'FAILED',
      verification_status: 'PENDING',
      backup_size_bytes: 1000,
      compressed_size_bytes: 250,
      error_code: 'partial',
      error_message: "1 of 2 streams failed: 'billing'",
      storage_location: `${place.store.url}/backups/orders/20261122T020000Z-9f3c2a1b/manifest.json`,
    },
  ]);
});

test('a backup of whose journal only the end is left gets its target from the manifest, and its end from the journal', async () => {
  await using catalog = await newCatalog(server);
  await using place = await newStore();
  await putJson(place.store, journalKey(completed()), completed());
  await putJson(
    place.store,
    'backups/orders/20261121T020000Z-9f3c2a1b/manifest.json',
    manifestOf({ backupId: '20261121T020000Z-9f3c2a1b' }),
  );

  const result = await rebuildCatalog({
    store: place.store,
    apply: (events) => applyEvents(catalog.writer, events),
  });

  assert.deepEqual(result, { journaled: 1, derived: 1, applied: 2, unreadable: [] });
  const { rows } = await catalog.owner.query(
    `select target, backup_status, verification_status, backup_size_bytes
     from backup_mgmt.backup_execution_s where load_end_date is null`,
  );
  assert.deepEqual(rows, [
    {
      target: 'orders',
      backup_status: 'COMPLETED',
      verification_status: 'VALIDATED',
      backup_size_bytes: 4_000_000_000,
    },
  ]);
});

test('what cannot be read is named, and the rest is in the catalog', async () => {
  await using catalog = await newCatalog(server);
  await using place = await newStore();
  const torn = 'journal/20261121T020000Z-9f3c2a1b/020-backup-begun-20261121T020010500Z.json';
  const future = 'journal/20261121T020000Z-9f3c2a1b/050-backup-admired-20261121T020010500Z.json';
  await putJson(place.store, journalKey(requested()), requested());
  await place.store.put(torn, Buffer.from('{"event":'));
  await putJson(place.store, future, { event: 'backup-admired' });

  const result = await rebuildCatalog({
    store: place.store,
    apply: (events) => applyEvents(catalog.writer, events),
  });

  assert.deepEqual(result, {
    journaled: 1,
    derived: 0,
    applied: 1,
    unreadable: [
      { key: torn, message: `journal entry '${torn}' is not JSON` },
      { key: future, message: `journal entry '${future}' is not an event that this Holdfast knows` },
    ],
  });
});

async function newStore(): Promise<AsyncDisposable & { readonly store: Store }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-rebuild-'));
  const store = await openStore({ kind: 'file', path: folder });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
