import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { main } from '../../lambdas/catalog/main.ts';
import { catalogClient } from '../../lib/catalog/client.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { watch } from '../../lib/lifecycle/watch.ts';
import { newCatalog, settingsFor } from '../catalog/catalog-database.ts';
import { targetsDeclared } from '../catalog/events.ts';
import { lambdaEndpoint } from '../catalog/lambda-endpoint.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { eventBus } from './event-bus.ts';
import { lifecycle } from './fixtures.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

/** What is asked for by SQL and nobody takes, and what the watch says of it. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await lifecycle());
  const bus = stack.use(await eventBus());
  const { database, owner, writer } = stack.use(await newCatalog(server));
  const settings = async () => settingsFor(server, database);
  const { lambda } = stack.use(await lambdaEndpoint((event) => main(event, { settings, log: { info: () => {} } })));
  await applyEvents(writer, [targetsDeclared('2026-11-20T11:00:00.000Z', [{ name: 'orders' }])]);
  return {
    owner,
    writer,
    async look(): Promise<string[]> {
      await watch({
        ...place,
        catalog: catalogClient({ functionName: 'catalog', lambda }),
        keyState: async () => undefined,
        clock: () => new Date('2026-11-21T00:00:00.000Z'),
        log: { warn: () => {} },
        events: bus.events,
      });
      return bus.news();
    },
    /** The request's row is so old now. */
    age: (interval: string) => owner.query('update holdfast.request set run_at = run_at - $1::interval', [interval]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('a request that nobody takes is a problem after ten minutes, and is over when somebody does', async () => {
  await using place = await installation();
  await place.owner.query("select from backup_mgmt.create_full_backup(target => 'orders')");

  const fresh = await place.look();
  await place.age('11 minutes');
  const old = await place.look();
  await takeRequests(place.writer, 10);
  const taken = await place.look();

  assert.deepEqual(fresh, []);
  assert.deepEqual(old, ['Problem Began: requests-waiting']);
  assert.deepEqual(taken, ['Problem Ended: requests-waiting']);
});

test('a request that waits for an approval is no problem, however old', async () => {
  await using place = await installation();
  await place.owner.query("select from backup_mgmt.create_full_backup(target => 'orders')");
  await place.owner.query('update holdfast.request set needs_approval = true');
  await place.age('5 hours');

  assert.deepEqual(await place.look(), []);
});
