import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findRunningStack } from '../../lib/local/running-stack.ts';
import { startOn } from '../servers/postgres-on-folder.ts';
import { apiClient } from './api-client.ts';
import { catalogDatabase } from './catalog-access.ts';
import { receiving } from './receiving.ts';
import { runCli } from './run-cli.ts';
import { backupUser, type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

suite('a point in time, through the state machines', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  let catalog: Awaited<ReturnType<typeof catalogDatabase>>;
  let place: string;
  let receiver: Awaited<ReturnType<typeof receiving>>;
  /** Before somebody deleted everything. */
  let wasGood: string;

  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 100 } });
    place = mkdtempSync(path.join(tmpdir(), 'holdfast-points-'));
    chmodSync(place, 0o755);
    folder = await stackFolder({
      server,
      backups: { orders: [{ method: 'base', tier: 'daily', schedule: '0 2 * * *' }] },
    });
    opened = await openStack(folder);
    catalog = await catalogDatabase(folder);
    receiver = await receiving(folder, server);
    await opened.succeeded(opened.backup('orders', { method: 'base' }));
    await server.run('orders', "insert into orders values (501, 'the last one', now())");
    wasGood =
      (await server.ask(
        'orders',
        `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
      )) ?? '';
    await server.run('orders', 'delete from orders');
    await receiver.covers(wasGood);
  });
  after(async () => {
    await receiver?.stop();
    await catalog?.[Symbol.asyncDispose]();
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
    rmSync(place, { recursive: true, force: true });
  });

  type Row = Readonly<Record<string, unknown>>;
  /** What an execution of `holdfast-recovery` ends with. */
  type Handed = {
    readonly plan: {
      readonly engine: string;
      readonly backups: readonly string[];
      readonly point: string;
      readonly plainBytes: number;
      readonly log: { readonly timeline: number; readonly segments: number };
    };
    readonly verification: {
      readonly asked: string;
      readonly reached: { readonly timeline: number; readonly at: string | null };
    };
    readonly handOver: { readonly where: readonly string[]; readonly next: readonly string[] };
  };
  const ask = async (question: string): Promise<readonly Row[]> => (await catalog.client.query<Row>(question)).rows;
  const ended = async (recovery: unknown): Promise<Row> => {
    for (const deadline = Date.now() + 180_000; Date.now() < deadline; await delay(200)) {
      const [row] = await ask(
        `select recovery_status, recovery_type, reached_time is not null as has_time, reached_timeline::int, error_code, error_message
         from backup_mgmt.recovery_operation_s where recovery_bk = '${recovery}' and load_end_date is null`,
      );
      if (row && !['REQUESTED', 'RUNNING'].includes(String(row['recovery_status']))) return row;
    }
    throw new Error(`recovery ${recovery} did not end`);
  };

  test('is asked for by SQL, approved by a second person, and brings one database back beside the damaged one', async () => {
    const [asked] = await ask(
      `select * from backup_mgmt.initiate_point_in_time_recovery(target => 'orders', target_time => '${wasGood}', database => 'orders', restore_as => 'orders_then')`,
    );
    const recovery = String(asked?.['recovery_bk']);
    await ask('create role second_person login superuser');
    const { host, port, user, database } = catalog.client;
    const second = new Client({ host, port, ...(user && { user }), ...(database && { database }) });
    await second.connect();
    await second.query('set session authorization second_person');
    await second.query(`call backup_mgmt.approve_recovery('${recovery}')`);
    await second.end();

    const row = await ended(recovery);

    assert.deepEqual(row, {
      recovery_status: 'COMPLETED',
      recovery_type: 'POINT_IN_TIME',
      has_time: true,
      reached_timeline: 2,
      error_code: null,
      error_message: null,
    });
    assert.equal(await server.ask('orders_then', 'select count(*) from orders'), '501');
    assert.equal(await server.ask('orders', 'select count(*) from orders'), '0');
    assert.deepEqual(
      await ask(
        `select recovery_status from backup_mgmt.recovery_operation_s where recovery_bk = '${recovery}' order by load_date`,
      ),
      [{ recovery_status: 'REQUESTED' }, { recovery_status: 'RUNNING' }, { recovery_status: 'COMPLETED' }],
    );
  });

  test('is asked for through the API, and waits for somebody else than the one who asked', async () => {
    const client = await apiClient(opened);
    const asked = await client.call(
      'createRecovery',
      { 'Idempotency-Key': 'a-point' },
      {
        ...{ backup: 'latest', target: 'orders', databases: ['orders'], as: 'orders_api' },
        point: { kind: 'time', value: wasGood },
      },
    );
    const recoveryId = asked.data['recoveryId'];
    const refused = await client.call('approveRecovery', { recoveryId });
    await ask(`call backup_mgmt.approve_recovery('${recoveryId}')`);

    const row = await ended(recoveryId);

    assert.deepEqual([asked.status, asked.data['status']], [202, 'REQUESTED']);
    assert.deepEqual([refused.status, refused.data['code']], [403, 'approval-refused']);
    assert.equal(row['recovery_status'], 'COMPLETED', JSON.stringify(row));
    assert.equal(await server.ask('orders_api', 'select count(*) from orders'), '501');
  });

  test('becomes a data directory from which a server starts', async () => {
    const into = path.join(place, 'cluster');
    const execution = opened.stack.startExecution('holdfast-recovery', {
      backup: 'latest',
      target: 'orders',
      as: into,
      point: { kind: 'time', value: wasGood },
    });

    const { record } = await opened.succeeded(execution);

    const { plan, verification, handOver } = JSON.parse(record.output ?? '') as Handed;
    assert.deepEqual([plan.engine, plan.backups.length, plan.point], ['postgres', 1, `time ${wasGood}`]);
    assert.deepEqual([plan.log.timeline, plan.log.segments > 0, plan.plainBytes > 20_000_000], [1, true, true]);
    assert.deepEqual([verification.asked, verification.reached.timeline], [`time ${wasGood}`, 2]);
    assert.ok(verification.reached.at !== null && verification.reached.at <= wasGood);
    assert.deepEqual(handOver.where, [`folder '${into}'`]);
    assert.equal(handOver.next[0], `pg_ctl --pgdata ${into} --wait start --options '-c port=5433'`);

    await using started = await startOn(into, server.binDir);
    const client = new Client({ ...started, user: backupUser, password: server.backupPassword, database: 'orders' });
    await client.connect();
    const { rows } = await client.query<{ count: string }>('select count(*) from orders');
    await client.end();
    assert.equal(rows[0]?.count, '501');
  });

  test('is asked for with --aws of the machine that applies a log, in the account that answers', async () => {
    const into = path.join(place, 'from afar');
    const account = findRunningStack(folder.stateDirectory);
    const environment = {
      ...folder.environment,
      AWS_ENDPOINT_URL: account?.endpointUrl ?? '',
      AWS_ACCESS_KEY_ID: account?.credentials.accessKeyId ?? '',
      AWS_SECRET_ACCESS_KEY: account?.credentials.secretAccessKey ?? '',
    };
    const asked = ['restore', 'latest', '--aws', '--target', 'orders', '--to-time', wasGood, '--as', into];

    const { exitCode, stdout, stderr } = await runCli([...asked, '--config', folder.configFile, '--json'], {
      environment,
    });

    assert.equal(exitCode, 0, stderr);
    const { arn, point, proof, next } = JSON.parse(stdout) as Readonly<
      Record<'arn' | 'point' | 'proof' | 'next', unknown>
    >;
    assert.equal(proof, 'examined');
    assert.match(String(arn), /:execution:holdfast-recovery:orders-recovery-/);
    assert.deepEqual(point, { kind: 'time', value: wasGood });
    assert.equal((next as string[])[0], `pg_ctl --pgdata '${into}' --wait start --options '-c port=5433'`);
    assert.equal(readFileSync(path.join(into, 'PG_VERSION'), 'utf8'), '17\n');
  });

  test('that the log does not reach ends with what can be reached, in the row and the journal', async () => {
    const [asked] = await ask(
      `select * from backup_mgmt.initiate_point_in_time_recovery(target => 'orders', database => 'orders', restore_as => 'orders_later', approval_required => false)`,
    );
    const execution = opened.stack.startExecution('holdfast-recovery', {
      backup: 'latest',
      target: 'orders',
      as: path.join(place, 'never'),
      point: { kind: 'time', value: '2099-01-01T00:00:00.000Z' },
    });

    const record = await opened.failed(execution, 'point-unreachable');

    assert.match(record.cause ?? '', /the log in the store goes to 20/);
    // That is known before any task is started.
    const events = await opened.stack.executions.events(execution.arn);
    assert.deepEqual(
      events.filter(({ type }) => type === 'state-entered').map(({ state }) => state),
      [
        'Admit the recovery request',
        'Does a second person have to approve it?',
        'Plan the recovery',
        'Record the failure',
        'Release the lease after the failure',
        'Publish the failure',
        'End as failed',
      ],
    );
    assert.equal((await ended(asked?.['recovery_bk']))['recovery_status'], 'COMPLETED');
    assert.equal(await server.ask('orders_later', 'select count(*) from orders'), '0');
  });

  test('is the last verified restorable point when a restore test has reached one after the backup', async () => {
    const { run } = await opened.succeeded(opened.restoreTest({ target: 'orders' }));
    await opened.reconcile();

    const [row] = await ask(
      `select verification_status, verified_point > backup_end_time as is_later from backup_mgmt.backup_execution_s
       where target = 'orders' and load_end_date is null and backup_status = 'COMPLETED'`,
    );

    assert.ok('backupId' in run);
    assert.deepEqual(row, { verification_status: 'VERIFIED', is_later: true });
  });
});
