import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Client } from 'pg';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import type { JournalEvent } from '../../lib/core/journal.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { allRows, emptyCatalog, newCatalog, settingsFor } from './catalog-database.ts';
import {
  begun,
  completed,
  declared,
  failed,
  recoveryApproved,
  recoveryEnded,
  recoveryRequested,
  requested,
  schedule,
  scheduleChanged,
  targetsDeclared,
  verified,
} from './events.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const life: readonly JournalEvent[] = [
  declared('2026-11-20T12:00:00.000Z', [schedule(), schedule({ name: 'orders-weekly-logical', tier: 'weekly' })]),
  requested({ parent: '20261120T020000Z-aaaaaaaa' }),
  begun(),
  failed(),
  begun({ at: '2026-11-21T02:03:30.000Z', fencingToken: 8 }),
  completed(),
  recoveryRequested({ tenant: 'acme', targetTime: '2026-11-21T08:00:00Z' }),
  recoveryApproved({ tenant: 'acme' }),
  verified(),
  recoveryEnded({ tenant: 'acme' }),
  targetsDeclared('2026-11-20T11:00:00.000Z'),
  targetsDeclared('2026-11-22T11:00:00.000Z', [{ name: 'orders', tenant: 'acme' }, { name: 'stock' }]),
  declared('2026-11-22T12:00:00.000Z', [schedule({ cron: '30 2 * * *' })]),
  scheduleChanged('2026-11-22T18:00:00.000Z', { enabled: false }),
  declared('2026-11-23T12:00:00.000Z', [schedule({ cron: '30 2 * * *' }), schedule({ name: 'orders-weekly-logical' })]),
  scheduleChanged('2026-11-24T12:00:00.000Z', 'as-configured'),
];

test('any order, split and repetition of events gives the rows that they give in order', async () => {
  await using catalog = await newCatalog(server);
  for (const event of life) await applyEvents(catalog.writer, [event]);
  const inOrder = await allRows(catalog.owner);

  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...life], { minLength: life.length }),
      fc.array(fc.constantFrom(...life), { maxLength: 6 }),
      fc.integer({ min: 1, max: 5 }),
      async (shuffled, repeated, size) => {
        await emptyCatalog(catalog.owner);
        const events = [...shuffled, ...repeated];
        for (let from = 0; from < events.length; from += size) {
          await applyEvents(catalog.writer, events.slice(from, from + size));
        }
        assert.deepEqual(await allRows(catalog.owner), inOrder);
      },
    ),
    { numRuns: 60 },
  );
});

test('events that come in order only close the current row and add the next', async () => {
  await using catalog = await newCatalog(server);
  const history = () =>
    catalog.owner.query<{ xmin: string }>(
      'select xmin::text, backup_status, load_date, load_end_date from backup_mgmt.backup_execution_s order by load_date',
    );
  await applyEvents(catalog.writer, [requested()]);
  await applyEvents(catalog.writer, [begun()]);
  const before = (await history()).rows;

  await applyEvents(catalog.writer, [completed()]);

  const { rows } = await history();
  assert.deepEqual(rows[0], before[0]);
  assert.deepEqual(
    rows.map(({ xmin, ...row }) => row),
    [
      {
        backup_status: 'REQUESTED',
        load_date: '2026-11-21T02:00:00.000Z',
        load_end_date: '2026-11-21T02:00:10.500Z',
      },
      { backup_status: 'RUNNING', load_date: '2026-11-21T02:00:10.500Z', load_end_date: '2026-11-21T02:05:00.000Z' },
      { backup_status: 'COMPLETED', load_date: '2026-11-21T02:05:00.000Z', load_end_date: null },
    ],
  );
});

test('an event is applied exactly once, however many apply it at once', async () => {
  await using catalog = await newCatalog(server);
  await using second = await connectCatalog(settingsFor(server, catalog.database));

  const results = await Promise.all([
    applyEvents(catalog.writer, [requested(), begun()]),
    applyEvents(second.client, [begun(), requested(), completed()]),
  ]);

  assert.equal(results[0].applied + results[1].applied, 3);
  assert.equal(results[0].known + results[1].known, 2);
  const { rows } = await catalog.owner.query('select count(*) as count from backup_mgmt.backup_execution_s');
  assert.deepEqual(rows, [{ count: 3 }]);
});

test('an operation that a row put in by hand is in the way of does not keep the others out', async () => {
  await using catalog = await newCatalog(server);
  await catalog.owner.query(
    `insert into backup_mgmt.backup_execution_h (backup_hk, backup_bk, load_date, record_source)
     values (sha256('something else'), '20261121T020000Z-9f3c2a1b', now(), 'by hand')`,
  );
  const other = '20261122T020000Z-00000002';

  await assert.rejects(applyEvents(catalog.writer, [requested(), requested({ operation: other })]), {
    constraint: 'backup_execution_h_bk_unique',
  });

  const { rows } = await catalog.owner.query('select backup_bk from backup_mgmt.backup_execution_s');
  assert.deepEqual(rows, [{ backup_bk: '20261122T020000Z-00000002' }]);
});

test('what was changed by hand stands through later declarations, with who did it, until it is reset', async () => {
  await using catalog = await newCatalog(server);

  await applyEvents(catalog.writer, [
    declared('2026-11-20T12:00:00.000Z', [schedule()]),
    scheduleChanged('2026-11-21T12:00:00.000Z', { cron: '0 3 * * *' }),
    declared('2026-11-22T12:00:00.000Z', [schedule({ cron: '0 5 * * *', retentionDays: 14 })]),
    scheduleChanged('2026-11-23T12:00:00.000Z', 'as-configured'),
  ]);

  const { rows } = await catalog.owner.query(
    `select cron_expression as cron, retention_days as days, changed_by_kind as kind, changed_by_name as name, load_end_date is null as "isCurrent"
     from backup_mgmt.backup_schedule_s order by load_date`,
  );
  assert.deepEqual(rows, [
    { cron: '0 2 * * *', days: 7, kind: null, name: null, isCurrent: false },
    { cron: '0 3 * * *', days: 7, kind: 'user', name: 'anna', isCurrent: false },
    { cron: '0 3 * * *', days: 14, kind: 'user', name: 'anna', isCurrent: false },
    { cron: '0 5 * * *', days: 14, kind: 'user', name: 'anna', isCurrent: true },
  ]);
});

test('a schedule that is no longer declared is closed, and begins anew when it is declared again', async () => {
  await using catalog = await newCatalog(server);

  await applyEvents(catalog.writer, [
    declared('2026-11-20T12:00:00.000Z', [schedule()]),
    declared('2026-11-21T12:00:00.000Z', [schedule()], '00000002'),
    declared('2026-11-22T12:00:00.000Z', []),
    declared('2026-11-24T12:00:00.000Z', [schedule({ enabled: false })]),
  ]);

  const { rows } = await catalog.owner.query(
    'select schedule_bk, is_enabled, load_date, load_end_date from backup_mgmt.backup_schedule_s order by load_date',
  );
  assert.deepEqual(rows, [
    {
      schedule_bk: 'orders-daily-logical',
      is_enabled: true,
      load_date: '2026-11-20T12:00:00.000Z',
      load_end_date: '2026-11-22T12:00:00.000Z',
    },
    {
      schedule_bk: 'orders-daily-logical',
      is_enabled: false,
      load_date: '2026-11-24T12:00:00.000Z',
      load_end_date: null,
    },
  ]);
});

test('a writer killed in the middle leaves the operation as it was, and the next applies it', async () => {
  await using catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [requested()]);
  const before = await allRows(catalog.owner);
  const doomed = await connectCatalog(settingsFor(server, catalog.database));
  const { rows } = await doomed.client.query<{ pid: number }>('select pg_backend_pid() as pid');
  // The hub's row is held, so that the projection stops in its midst, after its event was inserted.
  await catalog.owner.query('begin');
  await catalog.owner.query('select from backup_mgmt.backup_execution_h for update');

  const applying = assert.rejects(applyEvents(doomed.client, [begun()]), /terminat/);
  await waitUntilBlocked(catalog.owner, rows[0]?.pid);
  await catalog.owner.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  await applying;
  await catalog.owner.query('rollback');
  const afterwards = await allRows(catalog.owner);
  const second = await applyEvents(catalog.writer, [begun()]);

  assert.deepEqual(afterwards, before);
  assert.deepEqual(second, { applied: 1, known: 0 });
});

async function waitUntilBlocked(client: Client, pid: number | undefined): Promise<void> {
  for (;;) {
    const { rows } = await client.query('select from pg_locks where pid = $1 and not granted', [pid]);
    if (rows.length > 0) return;
  }
}
