import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { expireApprovals } from '../../lib/catalog/queries/expire-approvals.ts';
import { queueState } from '../../lib/catalog/queries/queue-state.ts';
import { settleRequests } from '../../lib/catalog/queries/settle-requests.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { type JournalEvent, journalEventSchema, journalKey } from '../../lib/core/journal.ts';
import { backupRequestSchema, restoreRequestSchema } from '../../lib/core/requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { allRows, newCatalog, settingsFor } from './catalog-database.ts';
import { begun, completed, requested, targetsDeclared } from './events.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

/** A catalog that knows of two targets, and of a third that belongs to acme. */
async function catalogOf(over: Record<string, unknown> = {}) {
  const catalog = await newCatalog(server);
  const targets = [{ name: 'orders' }, { name: 'stock' }, { name: 'books', tenant: 'acme' }];
  await applyEvents(catalog.writer, [targetsDeclared('2026-11-20T11:00:00.000Z', targets, over)]);
  return catalog;
}

const rowsOf = async (client: Client, question: string): Promise<readonly Record<string, unknown>[]> =>
  (await client.query<Record<string, unknown>>(question)).rows;

const refused = (client: Client, call: string, code: string, message: RegExp, hint: RegExp): Promise<void> =>
  assert.rejects(client.query(call), (error: { code: string; message: string; hint: string }) => {
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    return true;
  });

test('create_full_backup() requests a backup of every target, a row each', async () => {
  await using catalog = await catalogOf();

  const rows = await rowsOf(catalog.owner, 'select * from backup_mgmt.create_full_backup()');

  assert.deepEqual(
    rows.map(({ target, engine, method, tier, backup_status, note }) => [
      target,
      engine,
      method,
      tier,
      backup_status,
      note,
    ]),
    [
      ['books', 'postgres', 'logical', 'manual', 'REQUESTED', null],
      ['orders', 'postgres', 'logical', 'manual', 'REQUESTED', null],
      ['stock', 'postgres', 'logical', 'manual', 'REQUESTED', null],
    ],
  );
  assert.deepEqual(
    (
      await rowsOf(
        catalog.owner,
        'select target, backup_status from backup_mgmt.backup_execution_s where load_end_date is null order by target',
      )
    ).map(({ target, backup_status }) => `${target} ${backup_status}`),
    ['books REQUESTED', 'orders REQUESTED', 'stock REQUESTED'],
  );
});

for (const [what, call] of [
  ['a backup', "backup_mgmt.create_full_backup(target => 'books')"],
  ['a scheduled backup', "backup_mgmt.schedule_backup(target => 'books', tier => 'weekly')"],
] as const) {
  test(`the rows of ${what} that was requested by SQL are those that its events project to`, async () => {
    await using catalog = await catalogOf();
    await catalog.owner.query(`select * from ${call}`);
    const asRequested = await allRows(catalog.owner);
    const events = await eventsOfRequests(catalog.owner);

    const applied = await applyEvents(catalog.writer, events);

    assert.deepEqual(applied, { applied: 1, known: 0 });
    assert.deepEqual(await allRows(catalog.owner), asRequested);
    // And from nothing: what a rebuild gives.
    await using rebuilt = await catalogOf();
    await applyEvents(rebuilt.writer, events);
    assert.deepEqual(await allRows(rebuilt.owner), asRequested);
  });
}

test('the rows of a recovery and its approval are those that their events project to', async () => {
  await using catalog = await catalogOf();
  const backup = [requested(), begun(), completed()];
  await applyEvents(catalog.writer, backup);
  await catalog.owner.query(
    `select * from backup_mgmt.initiate_point_in_time_recovery(recovery_type => 'full', target => 'orders',
       target_time => '2026-11-22 12:00:00.123456+00', database => 'shop', restore_as => 'shop_then')`,
  );
  await approve(catalog.owner, catalog.database);
  const asRequested = await allRows(catalog.owner);
  const events = await eventsOfRequests(catalog.owner);

  const applied = await applyEvents(catalog.writer, events);

  assert.deepEqual(applied, { applied: 2, known: 0 });
  assert.deepEqual(await allRows(catalog.owner), asRequested);
  await using rebuilt = await catalogOf();
  await applyEvents(rebuilt.writer, [...backup, ...events]);
  assert.deepEqual(await allRows(rebuilt.owner), asRequested);
});

test('what is handed to the state machine is a request that it accepts', async () => {
  await using catalog = await catalogOf();
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  const [backup] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.create_full_backup(target => 'orders', tier => 'weekly', verify => true)",
  );
  const [recovery] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.initiate_point_in_time_recovery(recovery_type => 'FULL', target => 'orders', approval_required => false)",
  );

  const [first] = await takeRequests(catalog.writer, 10);
  await settleRequests(catalog.writer, [{ requestId: String(backup?.['backup_bk']), outcome: 'ended' }]);
  const [second] = await takeRequests(catalog.writer, 10);

  const { requestedAt, requestedBy, ...input } = backupRequestSchema.parse(first?.input);
  assert.deepEqual(input, {
    target: 'orders',
    method: 'logical',
    tier: 'weekly',
    backupId: backup?.['backup_bk'],
    verify: true,
  });
  assert.deepEqual(requestedBy, { kind: 'sql', name: 'postgres', address: '127.0.0.1' });
  assert.equal(requestedAt, backup?.['requested_at']);
  assert.equal(first?.execution, `orders-backup-${backup?.['backup_bk']}`);
  const restore = restoreRequestSchema.parse(second?.input);
  assert.deepEqual(
    [restore.backup, restore.recoveryId, restore.replace],
    ['20261121T020000Z-9f3c2a1b', recovery?.['recovery_bk'], undefined],
  );
});

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
  await using catalog = await catalogOf({ machines: ['backup', 'restore', 'restore-test'] });
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

test('what contradicts the configuration is refused, not ignored', async () => {
  await using catalog = await catalogOf();
  const { owner } = catalog;
  const call = (named: string) => `select * from backup_mgmt.create_full_backup(${named})`;

  await refused(
    owner,
    call("location => 's3://other'"),
    'ZH003',
    /kept at 's3:\/\/vault\/', not at 's3:\/\/other'/,
    /store/,
  );
  await refused(owner, call("storage_type => 'file'"), 'ZH003', /of type 's3', not 'file'/, /store\.kind/);
  await refused(owner, call('compress => false'), 'ZH003', /compressed with zstd/, /compression\.algorithm/);
  await refused(owner, call("target => 'unknown'"), 'ZH002', /'unknown'/, /'books', 'orders', 'stock'/);
  await refused(owner, call("tier => 'hourly'"), 'ZH002', /no tier 'hourly'/, /daily, weekly/);
  await refused(owner, call("method => 'physical'"), 'ZH004', /not backed up by method 'physical'/, /logical/);
  await refused(owner, call("tenant => sha256('nobody')"), 'ZH001', /no target belongs to tenant/, /sha256/);
  assert.equal(
    (await rowsOf(owner, "select * from backup_mgmt.create_full_backup(null, 's3://vault', 'S3', true)")).length,
    3,
  );
});

test('what no method or state machine can do is refused, with what can be had', async () => {
  await using catalog = await catalogOf();
  const { owner } = catalog;
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  const recover = (named: string) => `select * from backup_mgmt.initiate_point_in_time_recovery(${named})`;

  await refused(
    owner,
    'select * from backup_mgmt.create_incremental_backup()',
    'ZH004',
    /books: logical; orders: logical; stock: logical/,
    /create_full_backup/,
  );
  await refused(
    owner,
    "select * from backup_mgmt.create_incremental_backup(base => sha256('x'))",
    'ZH006',
    /no completed backup has the key/,
    /backup_hk/,
  );
  await refused(owner, 'select * from backup_mgmt.verify_backup_integrity()', 'ZH004', /'restore-test'/, /validate/);
  await refused(owner, 'select * from backup_mgmt.cleanup_expired_backups()', 'ZH004', /'cleanup'/, /lifecycle/);
  await refused(
    owner,
    recover("target => 'orders', target_time => '2026-11-22 00:00:00+00'"),
    'ZH004',
    /point 2026-11-22T00:00:00\.000Z of target 'orders' cannot be reached/,
    /2026-11-21T02:04:40\.750Z, backup 20261121T020000Z-9f3c2a1b: recovery_type => 'FULL'/,
  );
  await refused(
    owner,
    recover("target => 'orders', recovery_type => 'FULL', target_time => '2026-11-20 00:00:00+00'"),
    'ZH005',
    /no completed backup of 'orders' ended by 2026-11-20T00:00:00\.000Z/,
    /earliest point that can be reached is 2026-11-21T02:04:40\.750Z/,
  );
  await refused(
    owner,
    recover("target => 'stock'"),
    'ZH005',
    /no completed backup of 'stock'/,
    /no completed backup at all/,
  );
  await refused(owner, recover("recovery_type => 'PARTIAL'"), 'ZH002', /'PARTIAL'/, /POINT_IN_TIME/);
  await refused(owner, recover("target_time => '2999-01-01'"), 'ZH005', /yet to come/, /leave target_time out/);
});

test('where the state machines are, a restore test and a cleanup are queued for them', async () => {
  await using catalog = await catalogOf({ machines: ['backup', 'restore', 'restore-test', 'cleanup'] });
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);

  await catalog.owner.query('select * from backup_mgmt.verify_backup_integrity()');
  await catalog.owner.query('select * from backup_mgmt.cleanup_expired_backups(dry_run => true)');
  await catalog.owner.query("select * from backup_mgmt.cleanup_expired_backups(target => 'orders')");
  const taken = await takeRequests(catalog.writer, 10);

  assert.deepEqual(
    taken.map(({ kind, machine, input }) => [kind, machine, input]),
    [
      ['verification', 'restore-test', { backup: '20261121T020000Z-9f3c2a1b' }],
      ['cleanup', 'cleanup', { dryRun: true }],
      ['cleanup', 'cleanup', { target: 'orders' }],
    ],
  );
});

test('a recovery that needs approval waits for a second person', async () => {
  await using catalog = await catalogOf();
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);
  const [asked] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.initiate_point_in_time_recovery(recovery_type => 'FULL', target => 'orders')",
  );
  const recovery = String(asked?.['recovery_bk']);

  const unapproved = await takeRequests(catalog.writer, 10);
  await refused(
    catalog.owner,
    `call backup_mgmt.approve_recovery('${recovery}')`,
    'ZH008',
    /requested by 'postgres', and is approved by somebody else/,
    /two people/,
  );
  await approve(catalog.owner, catalog.database);
  const [taken] = await takeRequests(catalog.writer, 10);
  const trail = await rowsOf(
    catalog.owner,
    `select action, actor_name from backup_mgmt.audit_trail where subject = '${recovery}' order by occurred_at`,
  );

  assert.equal(asked?.['needs_approval'], true);
  assert.deepEqual(unapproved, []);
  assert.equal(taken?.requestId, recovery);
  assert.deepEqual(
    taken?.events.map(({ event }) => event),
    ['recovery-requested', 'recovery-approved'],
  );
  assert.deepEqual(trail, [
    { action: 'recovery-requested', actor_name: 'postgres' },
    { action: 'recovery-approved', actor_name: 'berta' },
  ]);
});

test('a recovery that nobody approves in time is given up, with its reason, and is approved no more', async () => {
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
  assert.deepEqual(await takeRequests(catalog.writer, 10), []);
});

test('before a configuration was declared, and in a read-only transaction, the refusal says so', async () => {
  await using empty = await newCatalog(server);
  const call = 'select * from backup_mgmt.create_full_backup()';

  await refused(empty.owner, call, 'ZH010', /no configuration has been declared/, /within a minute/);
  await using catalog = await catalogOf();
  await catalog.owner.query('begin read only');
  await refused(catalog.owner, call, 'ZH009', /read-only/, /read write/);
  await catalog.owner.query('rollback');
});

test('a standby takes no requests, and says so', async () => {
  await using fresh = await postgresServer({ major: 17 });
  const { database } = await newCatalog(fresh).then(async (catalog) => {
    await applyEvents(catalog.writer, [targetsDeclared('2026-11-20T11:00:00.000Z')]);
    await catalog[Symbol.asyncDispose]();
    return catalog;
  });
  await fresh.stop();
  writeFileSync(path.join(fresh.dataDir, 'standby.signal'), '');
  await fresh.start();
  await using standby = await connectCatalog({ ...settingsFor(fresh, database), role: 'owner' });

  for (const call of ['create_full_backup', 'schedule_backup', 'verify_backup_integrity', 'cleanup_expired_backups'])
    await refused(standby.client, `select * from backup_mgmt.${call}()`, 'ZH009', /is a standby/, /on the primary/);
  await standby.client.query('select * from backup_mgmt.get_next_scheduled_backups()');
});

test('await_backup() waits for the end, and says why it was a bad one', async () => {
  await using catalog = await catalogOf();
  await using other = await connectCatalog({ ...settingsFor(server, catalog.database), role: 'owner' });
  const [asked] = await rowsOf(catalog.owner, "select * from backup_mgmt.create_full_backup(target => 'orders')");
  const operation = String(asked?.['backup_bk']);
  const wait = `call backup_mgmt.await_backup('${operation}', '10 seconds')`;

  const waiting = other.client.query(wait);
  await applyEvents(catalog.writer, [begun({ operation }), completed({ operation })]);
  const { rows } = await waiting;
  const [failing] = await rowsOf(catalog.owner, "select * from backup_mgmt.create_full_backup(target => 'stock')");
  await applyEvents(catalog.writer, [
    journalEventSchema.parse({
      event: 'backup-failed',
      operation: failing?.['backup_bk'],
      at: '2026-11-21T02:03:00.000Z',
      tenant: null,
      endedAt: '2026-11-21T02:03:00.000Z',
      error: { code: 'disk-full', message: 'no space', hint: 'free some' },
    }),
  ]);

  assert.deepEqual(rows, [{ backup_status: 'COMPLETED' }]);
  const call = (id: unknown, time = '1 second') => `call backup_mgmt.await_backup('${id}', '${time}')`;
  await refused(catalog.owner, call(failing?.['backup_bk']), 'ZH007', /\[disk-full\] no space/, /free some/);
  await refused(catalog.owner, call('nonsense'), 'ZH006', /no backup 'nonsense'/, /backup_bk/);
  const [books] = await rowsOf(catalog.owner, "select * from backup_mgmt.create_full_backup(target => 'books')");
  await refused(
    catalog.owner,
    call(books?.['backup_bk'], '0'),
    'ZH011',
    /still REQUESTED after 00:00:00/,
    /it goes on/,
  );
  await catalog.owner.query('begin');
  const [open] = await rowsOf(
    catalog.owner,
    "select * from backup_mgmt.create_full_backup(target => 'books', tier => 'daily')",
  );
  await refused(catalog.owner, call(open?.['backup_bk']), 'ZH008', /is not committed/, /commit, then wait/);
  await catalog.owner.query('rollback');
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

test('a journal key that SQL makes is the one of the event', async () => {
  await using catalog = await catalogOf();
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');

  const events = await eventsOfRequests(catalog.owner);
  const rows = await rowsOf(catalog.owner, 'select record_source from backup_mgmt.backup_execution_s order by 1');

  assert.deepEqual(rows.map(({ record_source }) => record_source).sort(), events.map(journalKey).sort());
});

/** The events that will be journaled when the requests are taken. */
async function eventsOfRequests(owner: Client): Promise<readonly JournalEvent[]> {
  const rows = await rowsOf(owner, 'select to_jsonb(events) as events from holdfast.request order by request_bk');
  return rows.flatMap(({ events }) => (events as unknown[]).map((event) => journalEventSchema.parse(event)));
}

/** As Berta, an operator, who approves whatever waits. */
async function approve(owner: Client, database: string): Promise<void> {
  await owner.query(`do $$ begin
    if not exists (select from pg_roles where rolname = 'berta') then
      create role berta login password 'berta' in role backup_operator;
    end if;
  end $$`);
  const settings = settingsFor(server, database);
  await using berta = await connectCatalog({
    ...settings,
    user: 'berta',
    auth: { kind: 'password', password: 'berta' },
    role: 'owner',
  });
  const waiting = await rowsOf(
    berta.client,
    "select request_bk from backup_mgmt.requests where request_status = 'WAITING_FOR_APPROVAL'",
  );
  for (const { request_bk } of waiting) await berta.client.query(`call backup_mgmt.approve_recovery('${request_bk}')`);
}
