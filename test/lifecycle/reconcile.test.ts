import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { main } from '../../lambdas/catalog/main.ts';
import { catalogClient } from '../../lib/catalog/client.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { reconcile } from '../../lib/lifecycle/reconcile.ts';
import { putJson } from '../../lib/store/text.ts';
import { allRows, newCatalog, settingsFor } from '../catalog/catalog-database.ts';
import {
  begun,
  completed,
  recoveryAwaited,
  recoveryBegun,
  recoveryRequested,
  requested,
  restoreTestRequested,
  verified,
} from '../catalog/events.ts';
import { lambdaEndpoint } from '../catalog/lambda-endpoint.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { lifecycle } from './fixtures.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

/** A store, a catalog behind its function, and what a reconciler needs of both; warnings are noted. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const database = stack.use(await newCatalog(server));
  const settings = async () => settingsFor(server, database.database);
  const { lambda } = stack.use(await lambdaEndpoint((event) => main(event, { settings, log: { info: () => {} } })));
  const warnings: string[] = [];
  return {
    owner: database.owner,
    store: place.store,
    warnings,
    dependencies: {
      config: place.config,
      store: place.store,
      catalog: catalogClient({ functionName: 'catalog', lambda }),
      clock: () => new Date('2026-11-21T12:00:00.000Z'),
      log: { info: () => {}, warn: (message: string) => warnings.push(message) },
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const other = '20261121T040000Z-0000000f';
const life: readonly JournalEvent[] = [requested(), begun(), completed()];

test('an entry that cannot be read is named and counted, and the others are applied', async () => {
  await using place = await installation();
  for (const event of life) await putJson(place.store, journalKey(event), event);
  const torn = 'journal/20261121T020000Z-9f3c2a1b/025-backup-begun-20261121T020010500Z.json';
  const misplaced = `journal/${other}/010-backup-requested-20261121T020000000Z.json`;
  await place.store.put(torn, Buffer.from('{"event":'));
  await putJson(place.store, misplaced, requested());

  const outcome = await reconcile(place.dependencies);

  assert.deepEqual(outcome, { journaled: 0, applied: 4, leftOut: 2, schedulesDeclared: true });
  assert.deepEqual(place.warnings, [
    `[corrupt] journal entry '${torn}' is not JSON`,
    `[corrupt] journal entry '${misplaced}' is that of '${journalKey(requested())}'`,
    `the catalog lacks journal entry '${torn}'`,
    `the catalog lacks journal entry '${misplaced}'`,
  ]);
  const { rows } = await place.owner.query(
    'select backup_bk, backup_status from backup_mgmt.backup_execution_s where load_end_date is null',
  );
  assert.deepEqual(rows, [{ backup_bk: '20261121T020000Z-9f3c2a1b', backup_status: 'COMPLETED' }]);
});

test('an operation that the catalog refuses is named and counted, and the others are applied', async () => {
  await using place = await installation();
  for (const event of life) await putJson(place.store, journalKey(event), event);
  const refused = requested({ operation: other });
  await putJson(place.store, journalKey(refused), refused);
  await place.owner.query(
    `insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, load_date, record_source)
     values (sha256('by hand'), '${other}', now(), 'by hand')`,
  );

  const outcome = await reconcile(place.dependencies);

  assert.deepEqual(outcome, { journaled: 0, applied: 4, leftOut: 1, schedulesDeclared: true });
  assert.equal(place.warnings.length, 2);
  assert.match(place.warnings[0] ?? '', /^\[internal\] catalog at '.*' refused a statement: SQLSTATE '23505'/);
  assert.equal(place.warnings[1], `the catalog lacks journal entry '${journalKey(refused)}'`);
});

test('a manifest that cannot be read keeps no other run from getting its ending', async () => {
  await using place = await installation();
  await place.store.put('backups/orders/20261120T020000Z-9f3c2a1b/manifest.json', Buffer.from('{'));
  for (const event of life) await putJson(place.store, journalKey(event), event);

  const outcome = await reconcile(place.dependencies);

  assert.deepEqual(outcome, { journaled: 0, applied: 4, leftOut: 0, schedulesDeclared: true });
  assert.equal(place.warnings.length, 1);
  assert.match(place.warnings[0] ?? '', /^\[manifest-unreadable\] /);
});

test('two reconcilers at once, and a third after them, leave the rows that one leaves', async () => {
  await using place = await installation();
  for (const event of life) await putJson(place.store, journalKey(event), event);

  const [first, second] = await Promise.all([reconcile(place.dependencies), reconcile(place.dependencies)]);
  const rows = await allRows(place.owner);
  const third = await reconcile(place.dependencies);

  assert.equal(first.leftOut + second.leftOut, 0);
  assert.deepEqual(third, { journaled: 0, applied: 0, leftOut: 0, schedulesDeclared: false });
  assert.deepEqual(await allRows(place.owner), rows);
  assert.equal(rows['backup_execution_h']?.length, 1);
  assert.equal(rows['backup_schedule_s']?.length, 3);
});

test('a run that left no ending within the longest time that a run may take has failed, and a young one goes on', async () => {
  await using place = await installation();
  const young = '20261121T110000Z-0000000a';
  await putJson(place.store, journalKey(requested()), requested());
  await putJson(place.store, journalKey(begun()), begun());
  const other = { ...requested(), operation: young as never, at: '2026-11-21T11:00:00.000Z' };
  await putJson(place.store, journalKey(other), other);
  const late = { ...place.dependencies, clock: () => new Date('2026-11-21T15:00:00.000Z') };

  const first = await reconcile(late);
  const second = await reconcile(late);

  assert.deepEqual([first.journaled, second.journaled], [1, 0]);
  const backups = await place.dependencies.catalog.list();
  assert.deepEqual(
    backups.map(({ backupId, status, errorCode }) => [backupId, status, errorCode]),
    [
      [young, 'REQUESTED', null],
      ['20261121T020000Z-9f3c2a1b', 'FAILED', 'task-killed'],
    ],
  );
});

test('a recovery that waits for somebody is not given up as a run would be, and one that has begun is as old as its beginning', async () => {
  await using place = await installation();
  const put = (event: JournalEvent) => putJson(place.store, journalKey(event), event);
  for (const event of [...life, recoveryRequested(), recoveryAwaited()]) await put(event);
  const at = (time: string) => reconcile({ ...place.dependencies, clock: () => new Date(time) });
  const statusOf = async () => (await place.dependencies.catalog.recoveries()).map(({ status }) => status);

  await at('2026-11-22T09:00:00.000Z');
  const stillWaits = await statusOf();
  await put(recoveryBegun({ at: '2026-11-22T09:00:10.000Z' }));
  await at('2026-11-22T14:00:00.000Z');
  const runs = await statusOf();
  await at('2026-11-22T19:00:10.000Z');

  assert.deepEqual([stillWaits, runs, await statusOf()], [['REQUESTED'], ['RUNNING'], ['FAILED']]);
});

test('a published backup that validation found bad has failed, when its run could not say so itself', async () => {
  await using place = await installation();
  const id = '20261121T020000Z-9f3c2a1b';
  for (const event of [requested(), begun()]) await putJson(place.store, journalKey(event), event);
  await putJson(place.store, `backups/orders/${id}/manifest.json`, manifestOf({ backupId: id }));
  const verdict = verified({
    verification: 'FAILED',
    detail: 'corrupt: an object is not what was written',
    by: 'full',
  });
  await putJson(place.store, journalKey(verdict), verdict);

  const outcome = await reconcile(place.dependencies);

  assert.equal(outcome.journaled, 1);
  const [backup] = await place.dependencies.catalog.list();
  assert.deepEqual(
    [backup?.status, backup?.verification, backup?.errorCode, backup?.errorMessage],
    ['FAILED', 'FAILED', 'corrupt', 'an object is not what was written'],
  );
});

test('a restore test that vanished is over, and says nothing of its backup', async () => {
  await using place = await installation();
  for (const event of [...life, restoreTestRequested()]) await putJson(place.store, journalKey(event), event);
  const late = { ...place.dependencies, clock: () => new Date('2026-11-22T12:00:00.000Z') };

  await reconcile(late);

  const [result] = await place.dependencies.catalog.validations();
  assert.deepEqual([result?.status, result?.errorCode], ['ERROR', 'task-killed']);
  assert.equal((await place.dependencies.catalog.list())[0]?.verification, 'VALIDATED');
});
