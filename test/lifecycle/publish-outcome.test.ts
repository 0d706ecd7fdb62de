import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { backupRunSchema, restoreRunSchema } from '../../lib/core/requests.ts';
import { publishOutcome } from '../../lib/lifecycle/publish-outcome.ts';
import { eventBus } from './event-bus.ts';

const run = backupRunSchema.parse({
  backupId: '20261121T020000Z-9f3c2a1b',
  target: 'orders',
  engine: 'postgres',
  method: 'logical',
  tier: 'daily',
  scheduledTime: null,
  requestedBy: { kind: 'user' },
  execution: 'night',
  fencingToken: 1,
  requestedAt: '2026-11-21T02:00:00.000Z',
});

/** An event bus that answers 200 and refuses the first `refusals` entries. `sent` counts what came. */
async function busyBus(refusals: number) {
  let sent = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      sent += 1;
      const isRefused = sent <= refusals;
      const entry = isRefused ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'busy' } : { EventId: 'e1' };
      response.end(JSON.stringify({ FailedEntryCount: isRefused ? 1 : 0, Entries: [entry] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const events = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'local',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return {
    dependencies: { events, clock: () => new Date('2026-11-21T02:10:00.000Z'), waitMilliseconds: 1 },
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      events.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('an event that the bus is too busy to take is sent again', async () => {
  await using bus = await busyBus(2);

  assert.deepEqual(await publishOutcome(bus.dependencies, { run }), { event: 'Backup Completed' });
  assert.equal(bus.sent(), 3);
});

test('an event that the bus refuses for good is a failure that names the refusal', async () => {
  await using bus = await busyBus(99);

  await assert.rejects(publishOutcome(bus.dependencies, { run }), {
    message: "the event bus refused 'Backup Completed': ThrottlingException",
  });
});

test('a recovery that nobody has approved was declined, and has not failed; one that was is timed from its beginning', async (t) => {
  await using bus = await eventBus();
  const printed: string[] = [];
  const write = process.stdout.write.bind(process.stdout);
  t.mock.method(process.stdout, 'write', (text: string) => {
    printed.push(text);
    return write(text);
  });
  const metrics = (): string[] => printed.splice(0).filter((text) => text.includes('_aws'));
  const recovery = restoreRunSchema.parse({
    ...{ recoveryId: '20261121T010000Z-00c0ffee', backupId: run.backupId, target: 'orders', into: 'orders' },
    ...{ databases: null, as: 'orders_then', replace: false, requestedBy: { kind: 'user' }, execution: 'r' },
    ...{ requestedAt: '2026-11-21T01:00:00.000Z', beganAt: '2026-11-21T02:00:00.000Z' },
  });
  const clock = () => new Date('2026-11-21T02:10:00.000Z');
  const failure = { code: 'recovery-refused', message: "'berta' refused it", hint: 'ask them' };

  const declined = await publishOutcome({ events: bus.events, clock }, { run: recovery, failure });
  const ofDeclined = metrics();
  await publishOutcome({ events: bus.events, clock }, { run: recovery });
  const [ofCompleted] = metrics();

  assert.deepEqual(declined, { event: 'Recovery Declined' });
  assert.deepEqual(ofDeclined, []);
  assert.match(ofCompleted ?? '', /"RestoreSucceeded":1,"RestoreDuration":600/);
  assert.deepEqual(
    bus.sent.map(({ type, detail }) => [type, detail['code'], detail['seconds']]),
    [
      ['Recovery Declined', 'recovery-refused', 600],
      ['Restore Completed', undefined, 600],
    ],
  );
});
