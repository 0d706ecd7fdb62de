import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { settleRequests } from '../../lib/catalog/queries/settle-requests.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { journalEventSchema, journalKey } from '../../lib/core/journal.ts';
import { backupRequestSchema, restoreRequestSchema } from '../../lib/core/requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { allRows, newCatalog, settingsFor } from './catalog-database.ts';
import { begun, completed, requested, targetsDeclared } from './events.ts';
import { approveAll, eventsOfRequests, refused, requestCatalog, rowsOf } from './request-catalog.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const catalogOf = (over: Record<string, unknown> = {}) => requestCatalog(server, over);
const approve = (owner: Parameters<typeof approveAll>[1], database: string) => approveAll(server, owner, database);

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

test('a full backup can be asked for that is made of earlier ones, where there are such', async () => {
  await using catalog = await newCatalog(server);
  const { owner, writer } = catalog;
  const chained = { methods: ['base', 'incremental'], incrementalMethods: ['incremental'] };
  const targets = [{ name: 'orders', ...chained }, { name: 'stock' }, { name: 'books', tenant: 'acme', ...chained }];
  await applyEvents(writer, [targetsDeclared('2026-11-20T11:00:00.000Z', targets)]);
  await applyEvents(writer, [requested({ method: 'base' }), begun(), completed()]);
  const ask = (named: string) => rowsOf(owner, `select * from backup_mgmt.create_full_backup(${named})`);

  const ofServers = await ask("target => 'orders', method => 'base'");
  const ofNewest = await ask("made_from => 'latest'");
  const ofOne = await ask("made_from => '20261121T020000Z-9f3c2a1b', tier => 'weekly'");
  const again = await ask("made_from => 'latest', target => 'orders', method => 'base'");

  assert.deepEqual(
    ofNewest.map(({ target, method, backup_status, note }) => [target, method, backup_status, note]),
    [
      ['books', 'base', 'REQUESTED', null],
      ['orders', 'base', 'REQUESTED', null],
    ],
  );
  assert.deepEqual(
    ofOne.map(({ target, method, tier }) => [target, method, tier]),
    [['orders', 'base', 'weekly']],
  );
  assert.notEqual(ofServers[0]?.['backup_bk'], ofNewest[1]?.['backup_bk']);
  assert.deepEqual(
    again.map(({ backup_bk, note }) => [backup_bk, note]),
    [[ofNewest[1]?.['backup_bk'], 'joined a request that waits already']],
  );
  const inputs = await rowsOf(
    owner,
    "select input from holdfast.request where target = 'orders' order by requested_at",
  );
  assert.deepEqual(
    inputs.map(({ input }) => backupRequestSchema.parse(input).from),
    [undefined, 'latest', '20261121T020000Z-9f3c2a1b'],
  );
  const call = (named: string) => `select * from backup_mgmt.create_full_backup(${named})`;
  await refused(owner, call("made_from => 'latest', target => 'stock'"), 'ZH004', /'stock' can be made/, /logical/);
  await refused(owner, call("made_from => 'latest', method => 'logical'"), 'ZH004', /no logical backup/, /'base'/);
  await refused(owner, call("made_from => '20261121T020000Z-00000000'"), 'ZH006', /is known/, /latest/);
  await refused(
    owner,
    call("made_from => '20261121T020000Z-9f3c2a1b', target => 'books'"),
    'ZH006',
    /is not of target 'books'/,
    /it is of 'orders'/,
  );
});

test('a point in time is asked for where a backup of the whole cluster ended before it', async () => {
  await using catalog = await catalogOf();
  await applyEvents(catalog.writer, [requested({ method: 'base' }), begun(), completed()]);
  const initiate = (named: string) => `select * from backup_mgmt.initiate_point_in_time_recovery(${named})`;

  const [asked] = await rowsOf(
    catalog.owner,
    initiate(
      "target => 'orders', target_time => '2026-11-22 10:00:00.123456+01', restore_as => '/srv/orders', approval_required => false",
    ),
  );
  await rowsOf(catalog.owner, initiate("target => 'orders', approval_required => false"));
  const [row] = await rowsOf(
    catalog.owner,
    'select recovery_type, recovery_status, recovery_target_time::text from backup_mgmt.recovery_operation_s where recovery_type is not null order by recovery_target_time limit 1',
  );
  const requests = await rowsOf(catalog.owner, 'select input from holdfast.request order by requested_at');
  const inputs = requests.map(({ input }) => restoreRequestSchema.parse(input));

  assert.equal(asked?.['backup_bk'], '20261121T020000Z-9f3c2a1b');
  assert.deepEqual(
    [row?.['recovery_type'], row?.['recovery_status'], row?.['recovery_target_time']],
    ['POINT_IN_TIME', 'REQUESTED', '2026-11-22 09:00:00.123+00'],
  );
  assert.deepEqual(
    inputs.map(({ backup, as, point }) => [backup, as, point]),
    [
      ['20261121T020000Z-9f3c2a1b', '/srv/orders', { kind: 'time', value: '2026-11-22T09:00:00.123456Z' }],
      ['20261121T020000Z-9f3c2a1b', undefined, { kind: 'latest' }],
    ],
  );
  await refused(
    catalog.owner,
    initiate("target => 'orders', target_time => '2026-11-20 00:00:00+00'"),
    'ZH005',
    /no completed backup of 'orders' ended by 2026-11-20T00:00:00\.000Z/,
    /earliest point that can be reached is 2026-11-21T02:04:40\.750Z/,
  );
});

test('where the state machines are, a restore test and a cleanup are queued for them', async () => {
  await using catalog = await catalogOf({ machines: ['backup', 'restore', 'recovery', 'restore-test', 'cleanup'] });
  await applyEvents(catalog.writer, [requested(), begun(), completed()]);

  await catalog.owner.query('select * from backup_mgmt.verify_backup_integrity()');
  await catalog.owner.query('select * from backup_mgmt.cleanup_expired_backups(dry_run => true)');
  await catalog.owner.query("select * from backup_mgmt.cleanup_expired_backups(target => 'orders')");
  // Those that were asked for within one millisecond are handed out in any order.
  await catalog.owner.query(`update holdfast.request set run_at = run_at - case
    when kind = 'verification' then interval '2 seconds' when target is null then interval '1 second' else interval '0' end`);
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
  const wait = `call backup_mgmt.await_backup('${operation}', '50 seconds')`;

  const [{ rows }] = await Promise.all([
    other.client.query(wait),
    applyEvents(catalog.writer, [begun({ operation }), completed({ operation })]),
  ]);
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

test('a journal key that SQL makes is the one of the event', async () => {
  await using catalog = await catalogOf();
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');

  const events = await eventsOfRequests(catalog.owner);
  const rows = await rowsOf(catalog.owner, 'select record_source from backup_mgmt.backup_execution_s order by 1');

  assert.deepEqual(rows.map(({ record_source }) => record_source).sort(), events.map(journalKey).sort());
});
