import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { expireApprovals } from '../../lib/catalog/queries/expire-approvals.ts';
import { queueState } from '../../lib/catalog/queries/queue-state.ts';
import { settleRequests } from '../../lib/catalog/queries/settle-requests.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { journalEventSchema } from '../../lib/core/journal.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { settingsFor } from './catalog-database.ts';
import { begun, completed, requested } from './events.ts';
import { approveAll, refused, requestCatalog, rowsOf } from './request-catalog.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const catalogOf = (over: Record<string, unknown> = {}) => requestCatalog(server, over);
const approve = (owner: Parameters<typeof approveAll>[1], database: string) => approveAll(server, owner, database);

test('forty calls by twenty callers at once are one backup, and one more once it has begun', async () => {
  await using catalog = await catalogOf();
  const callers = await Promise.all(
    Array.from({ length: 20 }, () => connectCatalog({ ...settingsFor(server, catalog.database), role: 'owner' })),
  );
  const call = async ({ client }: { client: Client }) =>
    String(
      (await rowsOf(client, "select * from backup_mgmt.create_full_backup(target => 'orders')"))[0]?.['backup_bk'],
    );

  const before = new Set((await Promise.all(callers.map(async (one) => [await call(one), await call(one)]))).flat());
  const [taken] = await takeRequests(catalog.writer, 10);
  const after = new Set((await Promise.all(callers.map(async (one) => [await call(one), await call(one)]))).flat());
  const whileItRuns = await takeRequests(catalog.writer, 10);
  for (const one of callers) await one[Symbol.asyncDispose]();

  assert.deepEqual([before.size, after.size, taken?.requestId, whileItRuns], [1, 1, [...before][0], []]);
  assert.notEqual([...after][0], [...before][0]);
  const asked = await rowsOf(
    catalog.owner,
    'select action, count(*) as calls from backup_mgmt.audit_trail where subject in (select request_bk from holdfast.request) group by 1 order by 1',
  );
  assert.deepEqual(asked, [
    { action: 'backup-request-joined', calls: 78 },
    { action: 'backup-requested', calls: 2 },
  ]);
});

test('of two that ask for requests at once each gets others, and one of a target at a time', async () => {
  await using catalog = await catalogOf();
  await using second = await connectCatalog(settingsFor(server, catalog.database));
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');
  await catalog.owner.query("select * from backup_mgmt.create_full_backup(tier => 'weekly')");

  await catalog.writer.query('begin');
  const mine = await takeRequests(catalog.writer, 2);
  const theirs = await takeRequests(second.client, 10);
  await catalog.writer.query('commit');

  // Those that were asked for at one moment may be handed out in any order.
  assert.deepEqual([...mine, ...theirs].map(({ target }) => target).sort(), ['books', 'orders', 'stock']);
  assert.deepEqual([mine.length, theirs.length], [2, 1]);
  assert.deepEqual(
    theirs.map(({ input }) => input['tier']),
    ['manual'],
  );
});

test('a request that was handed out and not settled is handed out again, not at once', async () => {
  await using catalog = await catalogOf();
  await catalog.owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");

  const [first] = await takeRequests(catalog.writer, 10);
  const atOnce = await takeRequests(catalog.writer, 10);
  await catalog.owner.query("update holdfast.request set taken_at = now() - interval '2 minutes'");
  const [again] = await takeRequests(catalog.writer, 10);

  assert.deepEqual(atOnce, []);
  assert.deepEqual([again?.requestId, again?.attempts], [first?.requestId, 2]);
});

test('a request that waits for another run is handed out at the next asking, before later ones', async () => {
  await using catalog = await catalogOf();
  const [asked] = await rowsOf(catalog.owner, "select * from backup_mgmt.create_full_backup(target => 'orders')");
  const requestId = String(asked?.['backup_bk']);
  await takeRequests(catalog.writer, 10);
  await settleRequests(catalog.writer, [{ requestId, outcome: 'waiting', reason: 'a backup by schedule' }]);
  await catalog.owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");

  const [status] = await rowsOf(
    catalog.owner,
    `select request_status, waits_for from backup_mgmt.requests where request_bk = '${requestId}'`,
  );
  const again = await takeRequests(catalog.writer, 10);

  assert.deepEqual(status, { request_status: 'WAITING', waits_for: 'a backup by schedule' });
  assert.deepEqual(
    again.map((request) => request.requestId),
    [requestId],
  );
});

test('a queue that nobody takes is seen, and what waits for its time is not in it', async () => {
  await using catalog = await catalogOf();
  await catalog.owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");
  await catalog.owner.query("select * from backup_mgmt.schedule_backup(target => 'stock')");
  await catalog.owner.query(
    "update holdfast.request set run_at = run_at - interval '10 minutes' where target = 'orders'",
  );

  const state = await queueState(catalog.writer);
  const rows = await rowsOf(
    catalog.owner,
    'select target, request_status, untaken_seconds >= 600 as is_late from backup_mgmt.requests order by target',
  );

  assert.equal(state.waiting, 1);
  assert.ok(state.oldestSeconds >= 600 && state.oldestSeconds < 660, String(state.oldestSeconds));
  assert.deepEqual(rows, [
    { target: 'orders', request_status: 'QUEUED', is_late: true },
    { target: 'stock', request_status: 'SCHEDULED', is_late: null },
  ]);
});

test('the status of a request follows its backup, and a restore test that was asked for follows the backup', async () => {
  await using catalog = await catalogOf({ machines: ['backup', 'restore', 'recovery', 'restore-test'] });
  const [asked] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.create_full_backup(target => 'orders', verify => true)",
  );
  const operation = String(asked?.['backup_bk']);
  const status = async () =>
    (
      await rowsOf(catalog.owner, `select request_status from backup_mgmt.requests where request_bk = '${operation}'`)
    )[0]?.['request_status'];
  const [taken] = await takeRequests(catalog.writer, 10);
  await settleRequests(catalog.writer, [{ requestId: operation, outcome: 'started' }]);
  const seen = [await status()];
  for (const event of [...(taken?.events ?? []), begun({ operation }), completed({ operation })]) {
    await applyEvents(catalog.writer, [journalEventSchema.parse(event)]);
    seen.push(await status());
  }

  const [test] = await takeRequests(catalog.writer, 10);
  const none = await takeRequests(catalog.writer, 10);

  assert.deepEqual(seen, ['REQUESTED', 'REQUESTED', 'RUNNING', 'COMPLETED']);
  assert.deepEqual(
    [test?.kind, test?.machine, test?.input, none],
    ['verification', 'restore-test', { backup: operation }, []],
  );
});

test("a recovery that needs approval is handed out at once, and its approval is somebody else's", async () => {
  await using catalog = await catalogOf();
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  const [asked] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.initiate_point_in_time_recovery(recovery_type => 'FULL', target => 'orders')",
  );
  const recovery = String(asked?.['recovery_bk']);

  const [taken] = await takeRequests(catalog.writer, 10);
  await refused(
    catalog.owner,
    `call backup_mgmt.approve_recovery('${recovery}')`,
    'ZH008',
    /requested by 'postgres', and is approved by somebody else/,
    /two people/,
  );
  await approve(catalog.owner, catalog.database);
  const [request] = await rowsOf(
    catalog.owner,
    `select r.request_status, r.approved_by, q.events[2] ->> 'event' as event
     from backup_mgmt.requests as r join holdfast.request as q using (request_bk)`,
  );
  const trail = await rowsOf(
    catalog.owner,
    `select action, actor_name from backup_mgmt.audit_trail where subject = '${recovery}' order by occurred_at`,
  );

  assert.equal(asked?.['needs_approval'], true);
  assert.deepEqual(
    [taken?.requestId, taken?.machine, taken?.execution, taken?.input['needsApproval']],
    [recovery, 'recovery', `orders-recovery-${recovery}`, true],
  );
  assert.deepEqual(request, { request_status: 'TAKEN', approved_by: 'berta', event: 'recovery-approved' });
  assert.deepEqual(trail, [
    { action: 'recovery-requested', actor_name: 'postgres' },
    { action: 'recovery-approved', actor_name: 'berta' },
  ]);
});

test('a recovery that nobody takes in time is given up, with its reason, and is approved no more', async () => {
  await using catalog = await catalogOf();
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  const recover =
    "select * from backup_mgmt.initiate_point_in_time_recovery(recovery_type => 'FULL', target => 'orders')";
  const [old] = await rowsOf(catalog.owner, recover);
  const recovery = String(old?.['recovery_bk']);
  await catalog.owner.query("update holdfast.request set requested_at = requested_at - interval '25 hours'");
  const [young] = await rowsOf(catalog.owner, recover);

  const expired = await expireApprovals(catalog.writer, 24);
  const again = await expireApprovals(catalog.writer, 24);
  const waiting = await rowsOf(
    catalog.owner,
    `select request_bk, request_status, error_code, error_message from backup_mgmt.requests order by requested_at`,
  );

  assert.deepEqual(
    expired.map(({ requestId, events, failure }) => [requestId, events.map(({ event }) => event), failure.code]),
    [[recovery, ['recovery-requested'], 'approval-expired']],
  );
  assert.deepEqual(again, expired);
  assert.deepEqual(waiting, [
    {
      request_bk: recovery,
      request_status: 'FAILED',
      error_code: 'approval-expired',
      error_message: 'nobody approved it within 24 hours',
    },
    {
      request_bk: young?.['recovery_bk'],
      request_status: 'WAITING_FOR_APPROVAL',
      error_code: null,
      error_message: null,
    },
  ]);
  await refused(
    catalog.owner,
    `call backup_mgmt.approve_recovery('${recovery}')`,
    'ZH008',
    /waits no more: nobody approved it within 24 hours/,
    /ask for it again/,
  );
  assert.deepEqual(
    (await takeRequests(catalog.writer, 10)).map(({ requestId }) => requestId),
    [young?.['recovery_bk']],
  );
});

test('a request is announced when it is committed, and one for later is not', async () => {
  await using catalog = await catalogOf();
  await using other = await connectCatalog({ ...settingsFor(server, catalog.database), role: 'owner' });
  const heard: (string | undefined)[] = [];
  other.client.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`));
  await other.client.query('listen holdfast');

  await catalog.owner.query("select * from backup_mgmt.schedule_backup(target => 'orders')");
  await other.client.query('select');
  const early = [...heard];
  await catalog.owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");
  await other.client.query('select');

  assert.deepEqual(early, []);
  assert.deepEqual(heard, ['holdfast take-requests']);
});
