import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
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
  recoveryEnded,
  recoveryRequested,
  requested,
  schedule,
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
  recoveryRequested(),
  verified(),
  recoveryEnded(),
  declared('2026-11-22T12:00:00.000Z', [schedule({ cron: '30 2 * * *' })]),
  declared('2026-11-23T12:00:00.000Z', [schedule({ cron: '30 2 * * *' }), schedule({ name: 'orders-weekly-logical' })]),
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
