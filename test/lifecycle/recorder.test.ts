import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CatalogClient, catalogClient } from '../../lib/catalog/client.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { completed } from '../catalog/events.ts';
import { lambdaEndpoint } from '../catalog/lambda-endpoint.ts';
import { lifecycle } from './fixtures.ts';

/** The one thing that a recorder asks of a catalog, noted. */
function listening(): { readonly catalog: CatalogClient; readonly applied: JournalEvent[] } {
  const applied: JournalEvent[] = [];
  const apply: CatalogClient['apply'] = async (events) => {
    applied.push(...events);
    return { applied: events.length, known: 0 };
  };
  return { catalog: { apply } as CatalogClient, applied };
}

test('where the journal has the event already, the catalog gets what the journal says', async () => {
  await using place = await lifecycle();
  const { catalog, applied } = listening();
  const first = createRecorder({ store: place.store, catalog: undefined, warn: () => {} });
  await first.record(completed({ verification: 'VALIDATED' }));

  const second = createRecorder({ store: place.store, catalog, warn: () => {} });
  const recorded = await second.record(completed({ verification: 'PENDING' }));

  assert.deepEqual(recorded, { indexed: true });
  assert.deepEqual(applied, [completed({ verification: 'VALIDATED' })]);
});

test('an event whose place in the journal is damaged is not told to the catalog in another version', async () => {
  await using place = await lifecycle();
  const { catalog, applied } = listening();
  const warnings: string[] = [];
  await place.store.put(journalKey(completed()), Buffer.from('{"event":'));

  const recorder = createRecorder({ store: place.store, catalog, warn: (message) => warnings.push(message) });
  const recorded = await recorder.record(completed());

  assert.deepEqual(recorded, { indexed: false });
  assert.deepEqual(applied, []);
  assert.deepEqual(warnings, [
    "the catalog did not take 'backup-completed' of '20261121T020000Z-9f3c2a1b' and gets it later: " +
      `journal entry '${journalKey(completed())}' is not JSON`,
  ]);
});

test('a catalog that gives no answer is not waited for longer than the step has time', {
  timeout: 10_000,
}, async () => {
  await using place = await lifecycle();
  await using silent = await lambdaEndpoint(() => new Promise(() => {}));
  const warnings: string[] = [];

  const recorder = createRecorder({
    store: place.store,
    catalog: catalogClient({ functionName: 'catalog', lambda: silent.lambda }),
    warn: (message) => warnings.push(message),
    catalogSeconds: 0.05,
  });
  const recorded = await recorder.record(completed());

  assert.deepEqual(recorded, { indexed: false });
  assert.equal(warnings.length, 1);
  assert.ok(await place.store.head(journalKey(completed())));
});
