import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { rebuildCatalog } from '../../lib/catalog/rebuild.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { allRows } from '../catalog/catalog-database.ts';
import { catalogDatabase } from './catalog-access.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let database: Awaited<ReturnType<typeof catalogDatabase>>;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 100 }, stock: { noiseKilobytes: 10 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
  database = await catalogDatabase(folder);
  await until(() => ask('select count(*) from holdfast.target having count(*) > 0'), 'the targets are declared');
});
after(async () => {
  await database?.[Symbol.asyncDispose]();
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

type Row = Readonly<Record<string, unknown>>;
const ask = async (question: string): Promise<readonly Row[]> => (await database.client.query<Row>(question)).rows;

/** The rows of `question` as soon as there are any. */
async function until(question: () => Promise<readonly Row[]>, what: string): Promise<readonly Row[]> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    const rows = await question();
    if (rows.length > 0) return rows;
    await database.client.query('select pg_sleep(0.1)');
  }
  throw new Error(`in two minutes it did not come to be that ${what}`);
}

const waitFor = (backup: unknown): Promise<unknown> =>
  database.client.query(`call backup_mgmt.await_backup('${backup}', '3 minutes')`);

/** Another session on the catalog. */
async function session(): Promise<Client> {
  const { host, port, user, database: name } = database.client;
  const client = new Client({ host, port, ...(user && { user }), ...(name && { database: name }) });
  await client.connect();
  return client;
}

test('what comes next is known by SQL as soon as something can be asked for, and not a quarter of an hour later', async () => {
  const due = await until(
    () => ask('select distinct schedule_bk from backup_mgmt.get_next_scheduled_backups(24) order by 1'),
    'the schedules are declared',
  );

  assert.ok(
    due.some(({ schedule_bk: name }) => name === 'orders-daily-logical'),
    JSON.stringify(due),
  );
});

test('a backup asked for by SQL runs at once, under the id that the call returned', async () => {
  const [asked] = await ask("select * from backup_mgmt.create_full_backup(target => 'orders', tier => 'weekly')");

  await waitFor(asked?.['backup_bk']);

  const backup = String(asked?.['backup_bk']);
  const history = await ask(
    `select backup_status, requested_by_kind, execution from backup_mgmt.backup_execution_s where backup_bk = '${backup}' order by load_date`,
  );
  assert.deepEqual(
    history.map(({ backup_status }) => backup_status),
    ['REQUESTED', 'RUNNING', 'COMPLETED'],
  );
  assert.equal(history[0]?.['execution'], `orders-backup-${backup}`);
  const manifest = manifestOf(folder, { target: 'orders', backupId: backup } as Parameters<typeof manifestOf>[1]);
  assert.deepEqual(
    [manifest.status, manifest.tier, manifest.requestedBy],
    ['complete', 'weekly', { kind: 'sql', name: 'postgres' }],
  );
  const event = JSON.parse(readFileSync(join(folder.store, journalOf(backup)[0] ?? ''), 'utf8'));
  assert.deepEqual([event.event, event.requestedBy], ['backup-requested', { kind: 'sql', name: 'postgres' }]);
  const trail = await ask(
    `select action from backup_mgmt.audit_trail where subject = '${backup}' order by occurred_at, action`,
  );
  assert.deepEqual(
    trail.map(({ action }) => action),
    ['backup-requested', 'backup-begun', 'backup-completed'],
  );
});

test('five hundred calls at once all end completed, one run at a time', async () => {
  const callers = await Promise.all(Array.from({ length: 20 }, session));
  const calls = callers.map((client) =>
    (async () => {
      const backups: string[] = [];
      for (let call = 0; call < 25; call++) {
        const { rows } = await client.query<{ backup_bk: string }>(
          "select backup_bk from backup_mgmt.create_full_backup(target => 'orders')",
        );
        backups.push(rows[0]?.backup_bk ?? '');
      }
      return backups;
    })(),
  );

  const answers = (await Promise.all(calls)).flat();
  const backups = [...new Set(answers)];
  for (const backup of backups) await waitFor(backup);
  for (const client of callers) await client.end();

  assert.equal(answers.length, 500);
  const runs = await ask(
    `select backup_bk, backup_status, error_message, backup_start_time as began, backup_end_time as ended
     from backup_mgmt.backup_execution_s
     where load_end_date is null and backup_bk in ('${backups.join("', '")}')
     order by backup_start_time`,
  );
  assert.deepEqual(
    new Set(runs.map(({ backup_status }) => backup_status)),
    new Set(['COMPLETED']),
    JSON.stringify(runs),
  );
  assert.equal(runs.length, backups.length);
  assert.ok(backups.length <= 10, `${backups.length} backups for 500 calls`);
  for (const [index, { began }] of runs.entries()) {
    const before = runs[index - 1];
    if (before) assert.ok(Date.parse(String(began)) >= Date.parse(String(before['ended'])), 'two runs overlap');
  }
  const [trail] = await ask(
    `select count(*)::int as calls from backup_mgmt.audit_trail
     where action in ('backup-requested', 'backup-request-joined') and subject in ('${backups.join("', '")}')`,
  );
  assert.equal(trail?.['calls'], 500);
});

test('five backups of one target that are not the same one run one after the other', async () => {
  const asked: unknown[] = [];
  for (const tier of ['daily', 'weekly', 'monthly', 'compliance', 'manual'])
    asked.push(
      (await ask(`select * from backup_mgmt.create_full_backup(target => 'stock', tier => '${tier}')`))[0]?.[
        'backup_bk'
      ],
    );

  for (const backup of asked) await waitFor(backup);

  const runs = await ask(
    `select tier, backup_status, backup_start_time as began, backup_end_time as ended
     from backup_mgmt.backup_execution_s
     where load_end_date is null and target = 'stock' order by backup_start_time`,
  );
  assert.deepEqual(runs.map(({ tier, backup_status }) => `${tier} ${backup_status}`).sort(), [
    'compliance COMPLETED',
    'daily COMPLETED',
    'manual COMPLETED',
    'monthly COMPLETED',
    'weekly COMPLETED',
  ]);
  for (const [index, { began }] of runs.entries()) {
    const before = runs[index - 1];
    if (before) assert.ok(Date.parse(String(began)) >= Date.parse(String(before['ended'])), 'two runs overlap');
  }
});

test('a request waits for a run that was not asked for by SQL', async () => {
  const byHand = opened.backup('orders');
  await until(
    () =>
      ask(
        `select 1 from backup_mgmt.backup_execution_s where execution = '${byHand.name}' and backup_status = 'RUNNING'`,
      ),
    'the other run has begun',
  );

  const [asked] = await ask("select * from backup_mgmt.create_full_backup(target => 'orders', tier => 'monthly')");
  await waitFor(asked?.['backup_bk']);
  await opened.succeeded(byHand);

  const [request] = await ask(`select * from backup_mgmt.requests where request_bk = '${asked?.['backup_bk']}'`);
  assert.equal(request?.['request_status'], 'COMPLETED');
});

test('a run that fails says why in the row that the call made', async () => {
  const [asked] = await ask("select * from backup_mgmt.create_full_backup(target => 'files')");

  await assert.rejects(waitFor(asked?.['backup_bk']), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'ZH007');
    assert.match(error.message, /\[database-missing\]/);
    return true;
  });

  const [request] = await ask(`select * from backup_mgmt.requests where request_bk = '${asked?.['backup_bk']}'`);
  assert.deepEqual([request?.['request_status'], request?.['error_code']], ['FAILED', 'database-missing']);
});

test('a dispatcher that died between the start and its word of it leaves one run', async () => {
  const [asked] = await ask("select * from backup_mgmt.create_full_backup(target => 'stock', tier => 'weekly')");
  const request = String(asked?.['backup_bk']);
  await waitFor(request);
  const runs = () => opened.stack.executions.list().filter(({ name }) => name === `stock-backup-${request}`);
  // Its lease is given back, and whoever the end of the run has called has looked.
  await Promise.all(runs().map(({ arn }) => opened.stack.waitFor(arn)));
  await until(
    () => ask(`select from holdfast.request where request_bk = '${request}' and status = 'ENDED'`),
    'the end of the run was seen',
  );
  // As its death would have left it: handed out, the execution started, nothing said.
  await ask(
    `update holdfast.request set status = 'TAKEN', taken_at = now() - interval '2 minutes' where request_bk = '${request}'`,
  );

  await opened.takeRequests();

  // Whoever took it: the end of a run makes others look, too.
  const [row] = await until(
    () =>
      ask(`select request_status, attempts from backup_mgmt.requests
           where request_bk = '${request}' and request_status not in ('TAKEN', 'WAITING')`),
    'it was taken again',
  );
  assert.deepEqual([row, runs().length], [{ request_status: 'COMPLETED', attempts: 2 }, 1]);
  const [history] = await ask(
    `select count(*)::int as rows from backup_mgmt.backup_execution_s where backup_bk = '${request}'`,
  );
  assert.deepEqual(history, { rows: 3 });
});

test('requests that were made while nobody listened are taken when the stack is there again', async () => {
  const [asked] = await ask(
    "select * from backup_mgmt.schedule_backup(target => 'stock', run_at => now() + interval '1 day')",
  );
  const request = String(asked?.['backup_bk']);
  await ask(`update holdfast.request set run_at = now() where request_bk = '${request}'`);

  await database[Symbol.asyncDispose]();
  await opened[Symbol.asyncDispose]();
  opened = await openStack(folder);
  database = await catalogDatabase(folder);

  await waitFor(request);
});

test('a request for a target that is gone from the configuration fails, with the reason', async () => {
  const [asked] = await ask(
    "select * from backup_mgmt.schedule_backup(target => 'mail', run_at => now() + interval '1 day')",
  );
  const request = String(asked?.['backup_bk']);
  await ask(
    `update holdfast.request set run_at = now(), target = 'gone', method = 'logical' where request_bk = '${request}'`,
  );

  await opened.takeRequests();

  await assert.rejects(waitFor(request), /\[target-unknown\] target 'gone' is not configured any more/);
  const [row] = await until(
    () =>
      ask(`select request_status, error_code from backup_mgmt.requests
           where request_bk = '${request}' and request_status <> 'TAKEN'`),
    'whoever took the request has ended it',
  );
  assert.deepEqual(row, { request_status: 'FAILED', error_code: 'target-unknown' });
});

test('an execution that ended without a word ends its request', async () => {
  const [asked] = await ask(
    "select * from backup_mgmt.schedule_backup(target => 'mail', run_at => now() + interval '1 day')",
  );
  const request = String(asked?.['backup_bk']);
  // What admission refuses before it has written anything: the execution fails in its first state.
  await ask(
    `update holdfast.request set run_at = now(), input = input || '{"tier": "hourly"}' where request_bk = '${request}'`,
  );
  await opened.takeRequests();
  const execution = `mail-backup-${request}`;
  await until(
    async () =>
      opened.stack.executions.list().some(({ name, status }) => name === execution && status === 'FAILED') ? [{}] : [],
    'it has failed',
  );
  await ask(`update holdfast.request set taken_at = now() - interval '1 minute' where request_bk = '${request}'`);

  await opened.takeRequests();

  const [row] = await until(
    () =>
      ask(`select * from backup_mgmt.backup_execution_s where backup_bk = '${request}' and backup_status = 'FAILED'`),
    'the row has failed',
  );
  assert.equal(row?.['error_code'], 'usage');
  assert.deepEqual(
    journalOf(request).map((key) => key.split('/')[2]?.replace(/-\d{8}T.*/, '')),
    ['010-backup-requested', '030-backup-failed'],
  );
});

test('a recovery asked for by SQL restores what it named, when a second person has approved it', async () => {
  const [backup] = await ask(
    `select backup_bk from backup_mgmt.backup_execution_s
     where target = 'orders' and backup_status = 'COMPLETED' and load_end_date is null order by backup_end_time desc limit 1`,
  );
  const [asked] = await ask(
    "select * from backup_mgmt.initiate_point_in_time_recovery(target => 'orders', recovery_type => 'FULL', database => 'orders', restore_as => 'orders_then')",
  );
  const recovery = String(asked?.['recovery_bk']);
  const statusOf = () =>
    ask(
      `select recovery_status from backup_mgmt.recovery_operation_s where recovery_bk = '${recovery}' and load_end_date is null`,
    );
  await opened.takeRequests();
  const unapproved = await statusOf();

  await ask('create role second_person login superuser');
  const second = await session();
  await second.query('set session authorization second_person');
  await second.query(`call backup_mgmt.approve_recovery('${recovery}')`);
  await second.end();
  await until(
    async () => ((await statusOf())[0]?.['recovery_status'] === 'COMPLETED' ? [{}] : []),
    'the recovery is complete',
  );

  assert.deepEqual(unapproved, [{ recovery_status: 'REQUESTED' }]);
  assert.equal(asked?.['backup_bk'], backup?.['backup_bk']);
  const digest = "select md5(string_agg(o::text, ',' order by id)) from orders o";
  assert.equal(await server.ask('orders_then', digest), await server.ask('orders', digest));
  assert.deepEqual(
    journalOf(recovery).map((key) => key.split('/')[2]?.replace(/-\d{8}T.*/, '')),
    [
      '010-recovery-requested',
      '012-recovery-approval-awaited',
      '015-recovery-approved',
      '020-recovery-begun',
      '030-recovery-ended',
    ],
  );
});

test('what SQL asked for is in the store: a rebuild of an empty catalog gives the same rows', async () => {
  await opened.reconcile();
  await until(
    () =>
      ask(
        "select 1 where not exists (select from holdfast.request where status in ('QUEUED', 'TAKEN', 'STARTED') and run_at <= now())",
      ),
    'the queue is empty',
  );
  const live = withoutCalls(await allRows(database.client));

  await using rebuilt = await rebuiltCatalog();

  assert.deepEqual(withoutCalls(await allRows(rebuilt.client)), live);
});

/** Without the audit trail's entries of calls that left no event: those that joined others. */
function withoutCalls(rows: Awaited<ReturnType<typeof allRows>>): Awaited<ReturnType<typeof allRows>> {
  return { ...rows, audit_entry: (rows['audit_entry'] ?? []).filter((row) => !row.startsWith('(sql/')) };
}

/** An empty catalog beside the stack's, filled from the store alone. */
async function rebuiltCatalog(): Promise<AsyncDisposable & { readonly client: Client }> {
  await ask('create database rebuilt');
  const { host, port } = database.client;
  const connection = new Client({ host, port, user: 'postgres', database: 'rebuilt' });
  await connection.connect();
  await migrateCatalog(connection);
  const store = await openStore(folder.config.store);
  await rebuildCatalog({ store, apply: (events) => applyEvents(connection, events) });
  await store.close();
  return { client: connection, [Symbol.asyncDispose]: () => connection.end() };
}

/** The journal's keys of an operation, in order. */
const journalOf = (operation: string): readonly string[] => objectsUnder(folder, `journal/${operation}/`);
