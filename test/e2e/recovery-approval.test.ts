import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Client } from 'pg';
import { webhookServer } from '../lifecycle/alert-places.ts';
import { until } from '../until.ts';
import { apiClient } from './api-client.ts';
import { catalogDatabase } from './catalog-access.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

suite('a recovery that somebody has to approve, through the state machine', { concurrency: false }, () => {
  let server: SourceServer;
  let folder: StackFolder;
  let opened: OpenStack;
  let hook: Awaited<ReturnType<typeof webhookServer>>;
  let catalog: Awaited<ReturnType<typeof catalogDatabase>>;

  before(async () => {
    server = await sourceServer({ orders: { noiseKilobytes: 10 }, stock: { noiseKilobytes: 10 } });
    // 72 seconds: the first test asks, and the last one looks what became of it.
    hook = await webhookServer();
    folder = await stackFolder({ server, webhook: hook.url, approvals: { hours: 0.02, demandedBy: ['stock'] } });
    opened = await openStack(folder);
    catalog = await catalogDatabase(folder);
    await opened.succeeded(opened.backup('orders'));
    await ask('create role second_person login superuser');
  });
  after(async () => {
    await catalog?.[Symbol.asyncDispose]();
    await opened?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    await hook?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  type Row = Readonly<Record<string, unknown>>;
  /** What the execution ends with. */
  type Handed = {
    readonly plan: { readonly log: unknown; readonly point: string; readonly backups: readonly string[] };
    readonly verification: { readonly copies: readonly Row[] };
    readonly handOver: { readonly where: readonly string[]; readonly next: readonly string[] };
  };
  const ask = async (question: string): Promise<readonly Row[]> => (await catalog.client.query<Row>(question)).rows;
  const request = async (as: string, more = ''): Promise<string> => {
    const [asked] = await ask(
      `select * from backup_mgmt.initiate_point_in_time_recovery(target => 'orders', recovery_type => 'FULL', database => 'orders', restore_as => '${as}'${more})`,
    );
    return String(asked?.['recovery_bk']);
  };
  const secondly = async (call: string): Promise<void> => {
    const { host, port, user, database } = catalog.client;
    const second = new Client({ host, port, ...(user && { user }), ...(database && { database }) });
    await second.connect();
    try {
      await second.query('set session authorization second_person');
      await second.query(call);
    } finally {
      await second.end();
    }
  };
  const executionOf = (recovery: string) =>
    opened.stack.executions.list().find(({ name }) => name === `orders-recovery-${recovery}`);
  /** As soon as its execution waits for somebody. */
  const waits = (recovery: string): Promise<string> =>
    until(async () => {
      const [asked] = await ask(`select request_bk from holdfast.approval_wait where request_bk = '${recovery}'`);
      return asked && executionOf(recovery)?.arn;
    }, `recovery ${recovery} to wait for somebody`);
  /** Whoever takes requests looks next whether its execution still runs. */
  const dueForALook = (recovery: string): Promise<unknown> =>
    ask(
      `update holdfast.request set taken_at = now() - interval '1 minute', looked_at = null where request_bk = '${recovery}'`,
    );
  const rowOf = async (recovery: string): Promise<Row | undefined> =>
    (
      await ask(
        `select recovery_status, error_code, error_message from backup_mgmt.recovery_operation_s where recovery_bk = '${recovery}' and load_end_date is null`,
      )
    )[0];
  /** The stack looks by itself, too, and whoever comes second finds nothing due. */
  const knownToHaveStopped = (recovery: string): Promise<boolean> =>
    until(async () => {
      await dueForALook(recovery);
      await opened.takeRequests();
      return (await rowOf(recovery))?.['error_code'] === 'stopped';
    }, 'the catalog to know of the end');
  const journalOf = (recovery: string): readonly string[] =>
    globSync(`journal/${recovery}/*.json`, { cwd: folder.store })
      .map((key) => path.basename(key).replace(/-\d{8}T.*/, ''))
      .sort();
  const statesOf = async (arn: string): Promise<readonly string[]> =>
    (await opened.stack.executions.events(arn)).flatMap(({ type, state }) =>
      type === 'state-entered' && state !== undefined ? [state] : [],
    );

  const news: string[] = [];
  /** What people are told of that recovery, as soon as it is that. */
  const told = async (recovery: string, how: RegExp): Promise<string> => {
    const heard = async (): Promise<string | undefined> => {
      news.push(...hook.news());
      return news.find((line) => line.includes(recovery) && how.test(line));
    };
    return until(heard, `somebody to be told ${how} of recovery ${recovery}`).catch((cause: unknown) => {
      throw new Error(`what was told: ${news.join(' | ')}`, { cause });
    });
  };

  let forgotten: string;

  test('it waits in its execution, which shows as waiting for approval, and nothing is begun', async () => {
    forgotten = await request('orders_never');
    const arn = await waits(forgotten);

    const [asked] = await ask(`select request_status from backup_mgmt.requests where request_bk = '${forgotten}'`);

    assert.deepEqual(asked, { request_status: 'WAITING_FOR_APPROVAL' });
    const { stdout } = await runCli(['requests', '--config', folder.configFile], { environment: folder.environment });
    const shown = /WAITING_FOR_APPROVAL .* asks for approval since (20\S+Z), and is given up at (20\S+Z)/.exec(stdout);
    assert.equal(Date.parse(shown?.[2] ?? '') - Date.parse(shown?.[1] ?? ''), 72_000, stdout);
    assert.equal((await rowOf(forgotten))?.['recovery_status'], 'REQUESTED');
    assert.equal((await statesOf(arn)).at(-1), 'Wait for a second person');
    assert.deepEqual(journalOf(forgotten), ['010-recovery-requested', '012-recovery-approval-awaited']);
  });

  test('whoever asked does not approve it; a second person does, and it runs to its hand-over', async () => {
    const recovery = await request('orders_then');
    const arn = await waits(recovery);
    await assert.rejects(ask(`call backup_mgmt.approve_recovery('${recovery}')`), /is approved by somebody else/);

    await secondly(`call backup_mgmt.approve_recovery('${recovery}')`);

    const ended = await opened.stack.waitFor(arn);
    assert.equal(ended.status, 'SUCCEEDED', `${ended.error}: ${ended.cause}`);
    assert.deepEqual(await statesOf(arn), [
      'Admit the recovery request',
      'Does a second person have to approve it?',
      'Wait for a second person',
      'Plan the recovery',
      'Note when it began',
      'Recover and compare',
      'Verify what was reached',
      'Record the recovery',
      'Release the leases',
      'Publish the outcome',
      'Hand over',
      'Recovery complete',
    ]);
    const { plan, verification, handOver } = JSON.parse(ended.output ?? '') as Handed;
    assert.deepEqual([plan.log, plan.point], [null, "the backup's own point"]);
    assert.deepEqual(
      verification.copies.map(({ from, to, same }) => [from, to, same]),
      [['orders', 'orders_then', true]],
    );
    assert.deepEqual(handOver.where, ["'orders_then' of target 'orders'"]);
    // Before it takes the source's place, it can be read back.
    assert.equal(handOver.next[0], `holdfast compare ${plan.backups[0]} --database orders --with orders_then`);
    assert.equal(handOver.next[1], `psql --host 127.0.0.1 --port ${server.port} --dbname orders_then`);
    assert.equal(await server.ask('orders_then', 'select count(*) > 0 from orders'), 'true');
    assert.deepEqual(journalOf(recovery), [
      '010-recovery-requested',
      '012-recovery-approval-awaited',
      '015-recovery-approved',
      '020-recovery-begun',
      '030-recovery-ended',
    ]);
  });

  test('one that is refused ends under that name, with the reason in its row, the journal and the audit trail', async () => {
    const recovery = await request('orders_refused');
    const arn = await waits(recovery);
    const asked = await told(recovery, /^WARNING/);

    await secondly(`call backup_mgmt.refuse_recovery('${recovery}', 'the wrong day')`);

    const ended = await opened.stack.waitFor(arn);
    assert.deepEqual([ended.status, ended.error], ['FAILED', 'recovery-refused']);
    assert.match(
      asked,
      /^WARNING: a recovery of 'orders' into 'orders\/orders_refused', asked for by 'postgres', waits for somebody else's approval until 20\S+Z: call backup_mgmt\.approve_recovery\('\S+'\)$/,
    );
    await told(recovery, /^OVER since/);
    assert.ok(
      news.every((line) => !line.includes('restore')),
      news.join(' | '),
    );
    assert.deepEqual(await rowOf(recovery), {
      recovery_status: 'FAILED',
      error_code: 'recovery-refused',
      error_message: "'second_person' refused it: the wrong day",
    });
    assert.deepEqual(
      await ask(
        `select action, actor_name from backup_mgmt.audit_trail where subject = '${recovery}' and actor_kind = 'sql' order by occurred_at`,
      ),
      [
        { action: 'recovery-requested', actor_name: 'postgres' },
        { action: 'recovery-refused', actor_name: 'second_person' },
      ],
    );
    await assert.rejects(
      secondly(`call backup_mgmt.approve_recovery('${recovery}')`),
      /waits no more: 'second_person'/,
    );
  });

  test('an approval whose execution is gone says so, by the API at once, by SQL when it is known', async () => {
    const client = await apiClient(opened);
    const asked = await client.call(
      'createRecovery',
      { 'Idempotency-Key': 'gone' },
      { backup: 'latest', target: 'orders', databases: ['orders'], as: 'orders_gone' },
    );
    const recovery = String(asked.data['recoveryId']);
    const arn = await waits(recovery);
    await opened.stack.executions.stop(arn);

    const refused = await client.call('approveRecovery', { recoveryId: recovery });
    await knownToHaveStopped(recovery);

    assert.deepEqual([refused.status, refused.data['code']], [403, 'approval-refused']);
    assert.match(JSON.stringify(refused.data), /its execution .* has ended as ABORTED/);
    await assert.rejects(
      secondly(`call backup_mgmt.approve_recovery('${recovery}')`),
      /waits no more: the execution was stopped by hand/,
    );
    assert.equal((await rowOf(recovery))?.['error_code'], 'stopped');
  });

  test('an approval that nobody is told of any more is passed on to nobody, and the request ends as its execution did', async () => {
    const recovery = await request('orders_late');
    const arn = await waits(recovery);
    await opened.stack.executions.stop(arn);

    await secondly(`call backup_mgmt.approve_recovery('${recovery}')`);
    await knownToHaveStopped(recovery);

    assert.deepEqual(await ask(`select 1 from holdfast.approval_wait where request_bk = '${recovery}'`), []);
    assert.equal((await rowOf(recovery))?.['error_code'], 'stopped');
    assert.deepEqual(journalOf(recovery), [
      '010-recovery-requested',
      '012-recovery-approval-awaited',
      '015-recovery-approved',
      '030-recovery-ended',
    ]);
  });

  test('a target that demands it gets nothing without an approval, whoever starts what', async () => {
    const input = { backup: 'latest', target: 'orders', into: 'stock', databases: ['orders'], as: 'orders_in_stock' };
    await opened.failed(opened.restore(input), 'target-protected');
    const client = await apiClient(opened);
    const started = await client.call('createRestore', { 'Idempotency-Key': 'into-stock' }, input);
    const name = String(started.data['name']);
    const execution = opened.stack.executions.list().find((one) => one.name === name);
    assert.ok(execution);
    const requested = `select request_bk, request_status from backup_mgmt.requests where execution = '${name}'`;
    const asked = await until(async () => (await ask(requested))[0], 'the request of that execution');

    await secondly(`call backup_mgmt.refuse_recovery('${asked['request_bk']}')`);

    assert.deepEqual([started.status, started.data['kind']], [202, 'recovery']);
    assert.equal(asked['request_status'], 'WAITING_FOR_APPROVAL');
    assert.equal((await opened.stack.waitFor(execution.arn)).error, 'recovery-refused');
  });

  test('one that waits when the stack ends waits on in the next, and is approved there', async () => {
    const recovery = await request('orders_later');
    const arn = await waits(recovery);
    await catalog[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
    opened = await openStack(folder);
    catalog = await catalogDatabase(folder);

    await secondly(`call backup_mgmt.approve_recovery('${recovery}')`);

    assert.equal((await opened.stack.waitFor(arn)).status, 'SUCCEEDED');
    assert.equal(await server.ask('orders_later', 'select count(*) > 0 from orders'), 'true');
  });

  test('one that nobody approves in time ends as that, in its row, the journal and the audit trail', async () => {
    const ended = await opened.stack.waitFor(executionOf(forgotten)?.arn ?? '');

    assert.deepEqual([ended.status, ended.error], ['FAILED', 'approval-expired']);
    assert.deepEqual(await rowOf(forgotten), {
      recovery_status: 'FAILED',
      error_code: 'approval-expired',
      error_message: 'nobody approved it within 0.02 hours',
    });
    assert.deepEqual(journalOf(forgotten), [
      '010-recovery-requested',
      '012-recovery-approval-awaited',
      '030-recovery-ended',
    ]);
    assert.deepEqual(
      await ask(
        `select action, actor_kind, detail ->> 'status' as status from backup_mgmt.audit_trail
         where subject = '${forgotten}' order by occurred_at, action`,
      ),
      [
        { action: 'recovery-requested', actor_kind: 'sql', status: null },
        { action: 'recovery-approval-awaited', actor_kind: 'holdfast', status: null },
        { action: 'recovery-ended', actor_kind: 'holdfast', status: 'FAILED' },
      ],
    );
    await assert.rejects(
      secondly(`call backup_mgmt.approve_recovery('${forgotten}')`),
      /waits no more: nobody approved/,
    );
  });
});
