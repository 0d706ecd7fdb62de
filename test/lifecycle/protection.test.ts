import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { main } from '../../lambdas/catalog/main.ts';
import { catalogClient } from '../../lib/catalog/client.ts';
import { HoldfastError } from '../../lib/core/errors.ts';
import { newOperationId } from '../../lib/core/ids.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import { completedEvent } from '../../lib/core/manifest-events.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { protectionsOf } from '../../lib/lifecycle/protection.ts';
import { putJson } from '../../lib/store/text.ts';
import { newCatalog, settingsFor } from '../catalog/catalog-database.ts';
import { failed, requested } from '../catalog/events.ts';
import { lambdaEndpoint } from '../catalog/lambda-endpoint.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { lifecycle } from './fixtures.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server?.[Symbol.asyncDispose]());

/** A store and a catalog that know the same events. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const database = stack.use(await newCatalog(server));
  const settings = async () => settingsFor(server, database.database);
  const door = { isOpen: true };
  const { lambda } = stack.use(
    await lambdaEndpoint(async (event) => {
      if (!door.isOpen) throw new HoldfastError('catalog-unavailable', 'the catalog is away');
      return main(event, { settings, log: { info: () => {} } });
    }),
  );
  const catalog = catalogClient({ functionName: 'catalog', lambda });
  return {
    store: place.store,
    door,
    async happened(...events: readonly JournalEvent[]) {
      for (const event of events) await putJson(place.store, journalKey(event), event);
      await catalog.apply(events);
    },
    sources: { config: place.config, store: place.store, catalog, clock: () => new Date('2026-11-22T12:00:00.000Z') },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('how well a target is protected is the same from the catalog and, while that is away, from the store', async () => {
  await using place = await installation();
  const manifest = manifestOf({ backupId: '20261121T020000Z-9f3c2a1b' });
  await putJson(place.store, manifestKey(manifest.target, manifest.backupId), manifest);
  const later = newOperationId(new Date('2026-11-22T02:00:00Z'), '0000000a');
  await place.happened(
    requested(),
    { ...completedEvent(manifest, place.store, 'VALIDATED'), validationSeconds: 1.5 },
    requested({ operation: later, at: '2026-11-22T02:00:00.000Z' }),
    failed({ operation: later, at: '2026-11-22T02:03:00.000Z', endedAt: '2026-11-22T02:02:50.000Z' }),
  );

  const fromCatalog = await protectionsOf(place.sources);
  place.door.isOpen = false;
  const fromStore = await protectionsOf(place.sources);

  assert.deepEqual([fromCatalog.source, fromStore.source], ['catalog', 'store']);
  assert.deepEqual(fromStore.protections, fromCatalog.protections);
  assert.deepEqual(fromCatalog.protections, [
    {
      target: 'orders',
      engine: 'postgres',
      method: 'logical',
      lastRun: { operation: later, isSuccess: false, code: 'source-unreachable' },
      newest: {
        backupId: '20261121T020000Z-9f3c2a1b',
        beganAt: '2026-11-21T02:00:10.000Z',
        endedAt: '2026-11-21T02:04:40.000Z',
        plainBytes: 1000,
        storedBytes: 250,
        validationSeconds: 1.5,
      },
      isValid: true,
    },
  ]);
});

test('a target without a backup is known to have none', async () => {
  await using place = await installation();

  const [protection] = (await protectionsOf(place.sources)).protections;

  assert.deepEqual([protection?.lastRun, protection?.newest, protection?.isValid], [undefined, undefined, undefined]);
});
