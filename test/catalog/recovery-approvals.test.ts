import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { applyEvents } from '../../lib/catalog/project.ts';
import { awaitApproval } from '../../lib/catalog/queries/await-approval.ts';
import { approveRecovery, refuseRecovery } from '../../lib/catalog/queries/decide-recovery.ts';
import { decidedRecoveries, forgetTokens } from '../../lib/catalog/queries/decided-recoveries.ts';
import { expireApprovals } from '../../lib/catalog/queries/expire-approvals.ts';
import { listRecoveries } from '../../lib/catalog/queries/list-recoveries.ts';
import { listRequests } from '../../lib/catalog/queries/list-requests.ts';
import { queueState } from '../../lib/catalog/queries/queue-state.ts';
import { requestRecovery } from '../../lib/catalog/queries/request-recovery.ts';
import { settleRequests } from '../../lib/catalog/queries/settle-requests.ts';
import { startedRequests } from '../../lib/catalog/queries/started-requests.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { type BackupId, backupIdSchema } from '../../lib/core/ids.ts';
import { restoreRequestSchema } from '../../lib/core/requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { begun, completed, event, recoveryEnded, requested } from './events.ts';
import { approveAll, refused, requestCatalog, rowsOf } from './request-catalog.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const recoveryId = backupIdSchema.parse('20261122T090000Z-1a2b3c4d');
const otherId = backupIdSchema.parse('20261122T090001Z-5e6f7a8b');
const asker = { kind: 'api', name: 'arn:aws:iam::1:user/first' } as const;
const at = '2026-11-22T09:00:00.000Z';
const asked = (needsApproval = true, id: BackupId = recoveryId) => ({
  request: {
    ...restoreRequestSchema.parse({ backup: '20261121T020000Z-9f3c2a1b', target: 'orders', as: '/srv/orders' }),
    ...{ target: 'orders' as never, recoveryId: id, requestedAt: at, requestedBy: asker, needsApproval },
  },
  ...{ receiver: 'orders', method: 'logical' as const, tenant: null, execution: `orders-recovery-${id}` },
  needsApproval,
  event: event({
    ...{ event: 'recovery-requested', operation: id, at, backupId: '20261121T020000Z-9f3c2a1b' },
    ...{ target: 'orders', destination: 'orders//srv/orders', requestedBy: asker },
    ...{ execution: `orders-recovery-${id}`, point: { kind: 'latest' } },
  }),
});
const wait = (taskToken: string, id: BackupId = recoveryId) => ({
  ...{ recoveryId: id, taskToken, since: at, until: '2026-11-23T09:00:00.000Z', receiver: 'orders', tenant: null },
  ...{ requestedBy: asker.name, requestedAt: at, execution: `orders-recovery-${id}`, request: asked(true, id).request },
});
const approval = (name: string, id: BackupId = recoveryId) => ({
  recoveryId: id,
  approvedBy: { kind: 'api' as const, name },
  approvedAt: at,
});
const refusal = (name: string, reason?: string) => ({
  recoveryId,
  refusedBy: { kind: 'api' as const, name },
  refusedAt: at,
  ...(reason === undefined ? {} : { reason }),
});
const second = 'arn:aws:iam::1:user/second';

async function catalogOf() {
  const catalog = await requestCatalog(server, {});
  await applyEvents(catalog.writer, [requested({ method: 'base' }), begun(), completed()]);
  return catalog;
}
/** As what takes requests does: everything that is due is started. */
async function startAll(writer: Client): Promise<readonly string[]> {
  const taken = await takeRequests(writer, 10);
  await settleRequests(
    writer,
    taken.map(({ requestId }) => ({ requestId, outcome: 'started' })),
  );
  return taken.map(({ requestId }) => requestId);
}
const statusOf = async (owner: Client, id: string = recoveryId): Promise<unknown> =>
  (await rowsOf(owner, `select request_status from backup_mgmt.requests where request_bk = '${id}'`))[0]?.[
    'request_status'
  ];

test('a recovery that the API asks for is started at once, waits there, and is told when somebody else has approved it', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;

  assert.deepEqual(await requestRecovery(writer, asked()), { queued: true });
  assert.deepEqual(await requestRecovery(writer, asked()), { queued: false });
  const queued = await statusOf(owner);
  const [taken] = await takeRequests(writer, 10);
  await settleRequests(writer, [{ requestId: recoveryId, outcome: 'started' }]);
  await awaitApproval(writer, wait('an older token'));
  await awaitApproval(writer, wait('a token'));
  const waiting = await statusOf(owner);
  const undecided = await decidedRecoveries(writer);
  await assert.rejects(approveRecovery(writer, approval(asker.name)), {
    code: 'approval-refused',
    message: `recovery '${recoveryId}' was asked for by 'arn:aws:iam::1:user/first', and is approved by somebody else`,
  });
  await approveRecovery(writer, approval(second));
  await assert.rejects(approveRecovery(writer, approval('arn:aws:iam::1:user/third')), {
    code: 'approval-refused',
    message: `recovery '${recoveryId}' waits for no approval`,
  });
  const [decided] = await decidedRecoveries(writer);
  await forgetTokens(writer, [{ requestId: recoveryId, taskToken: 'an older token' }]);
  const stillToTell = await decidedRecoveries(writer);
  await forgetTokens(writer, [{ requestId: recoveryId, taskToken: 'a token' }]);

  assert.deepEqual([queued, waiting], ['WAITING_FOR_APPROVAL', 'WAITING_FOR_APPROVAL']);
  assert.deepEqual([taken?.machine, taken?.execution], ['recovery', `orders-recovery-${recoveryId}`]);
  assert.equal(restoreRequestSchema.parse(taken?.input).needsApproval, true);
  assert.deepEqual(undecided, []);
  const { events, ...told } = decided ?? { events: [] };
  assert.deepEqual(told, {
    ...{ requestId: recoveryId, taskToken: 'a token', machine: 'recovery', execution: `orders-recovery-${recoveryId}` },
    ...{ decision: 'approved', by: second },
  });
  assert.deepEqual(
    events.map(({ event: name }) => name),
    ['recovery-requested', 'recovery-approved'],
  );
  assert.equal(stillToTell.length, 1);
  assert.deepEqual(await decidedRecoveries(writer), []);
  assert.deepEqual(
    await rowsOf(
      owner,
      `select action, actor_kind, actor_name from backup_mgmt.audit_trail where subject = '${recoveryId}' order by occurred_at, action`,
    ),
    [
      { action: 'recovery-approved', actor_kind: 'api', actor_name: second },
      { action: 'recovery-requested', actor_kind: 'api', actor_name: asker.name },
    ],
  );
});

test('one that is approved before it has asked is told as soon as it asks', async () => {
  await using catalog = await catalogOf();
  await requestRecovery(catalog.writer, asked());
  await approveRecovery(catalog.writer, approval(second));
  const started = await startAll(catalog.writer);

  await awaitApproval(catalog.writer, wait('a token'));

  assert.deepEqual(started, [recoveryId]);
  assert.deepEqual(
    (await decidedRecoveries(catalog.writer)).map(({ taskToken, decision }) => [taskToken, decision]),
    [['a token', 'approved']],
  );
});

test('a recovery is refused by anybody, by SQL or the API, with the reason in the journal, and is approved no more', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;
  await requestRecovery(writer, asked());
  await startAll(writer);
  await awaitApproval(writer, wait('a token'));

  await refuseRecovery(writer, refusal(asker.name, 'the wrong day'));

  const [decided] = await decidedRecoveries(writer);
  assert.deepEqual([decided?.decision, decided?.by], ['refused', asker.name]);
  assert.deepEqual(decided?.events.at(-1), {
    ...{ event: 'recovery-refused', operation: recoveryId, at, tenant: null },
    ...{ refusedBy: { kind: 'api', name: asker.name }, reason: 'the wrong day' },
  });
  await assert.rejects(approveRecovery(writer, approval(second)), { code: 'approval-refused' });
  await refused(
    owner,
    `call backup_mgmt.approve_recovery('${recoveryId}')`,
    'ZH008',
    /waits for no approval/,
    /has refused it/,
  );

  await requestRecovery(writer, asked(true, otherId));
  await owner.query(`call backup_mgmt.refuse_recovery('${otherId}', 'not today')`);
  assert.deepEqual(
    await rowsOf(owner, `select refused_by, approved_by from backup_mgmt.requests where request_bk = '${otherId}'`),
    [{ refused_by: 'postgres', approved_by: null }],
  );
  assert.deepEqual(
    await rowsOf(
      owner,
      `select actor_name, detail ->> 'reason' as reason from backup_mgmt.audit_trail where action = 'recovery-refused' order by subject`,
    ),
    [
      { actor_name: asker.name, reason: 'the wrong day' },
      { actor_name: 'postgres', reason: 'not today' },
    ],
  );
});

test('one whose execution has ended says so to whoever approves it', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;
  await requestRecovery(writer, asked());
  await startAll(writer);
  await awaitApproval(writer, wait('a token'));
  const error = { code: 'stopped', message: 'the execution was stopped by hand', hint: 'ask for it again' };
  await applyEvents(writer, [recoveryEnded({ operation: recoveryId, status: 'FAILED', error, compared: false })]);

  await assert.rejects(approveRecovery(writer, approval(second)), {
    code: 'approval-refused',
    message: `recovery '${recoveryId}' waits no more: the execution was stopped by hand`,
  });
  await refused(
    owner,
    `call backup_mgmt.approve_recovery('${recoveryId}')`,
    'ZH008',
    /waits no more: the execution was stopped by hand/,
    /ask for it again/,
  );
  await takeRequests(writer, 10);
  assert.deepEqual(await rowsOf(owner, 'select count(*)::int as tokens from holdfast.approval_wait'), [{ tokens: 0 }]);
});

test('an execution that waits keeps nobody waiting, and an approved one has its turn', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;
  await requestRecovery(writer, asked());
  await requestRecovery(writer, asked(true, otherId));
  // Neither stands in the other's way, nor is either waited for.
  assert.deepEqual(await startAll(writer), [recoveryId, otherId]);
  await awaitApproval(writer, wait('one'));
  await awaitApproval(writer, wait('other', otherId));
  await owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");
  const [backup] = await startAll(writer);

  await approveAll(server, owner, catalog.database);
  const duringBackup = await decidedRecoveries(writer);
  await settleRequests(writer, [{ requestId: String(backup), outcome: 'ended' }]);
  const first = await decidedRecoveries(writer);
  await forgetTokens(writer, first);
  const whileItRuns = await decidedRecoveries(writer);
  await settleRequests(writer, [{ requestId: recoveryId, outcome: 'ended' }]);
  const next = await decidedRecoveries(writer);

  assert.equal(typeof backup, 'string');
  assert.deepEqual(duringBackup, []);
  assert.deepEqual(
    [first, whileItRuns, next].map((decided) => decided.map(({ requestId }) => requestId)),
    [[recoveryId], [], [otherId]],
  );
  assert.deepEqual(await queueState(writer), { waiting: 0, oldestSeconds: 0 });
});

test('sixty recoveries that wait keep nobody from being looked at, and are looked at seldom themselves', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;
  const waiting = Array.from({ length: 60 }, (_, nth) =>
    backupIdSchema.parse(`20261122T0900${String(nth).padStart(2, '0')}Z-1a2b3c4d`),
  );
  for (const id of waiting)
    await awaitApproval(writer, { ...wait(`token of ${id}`, id), until: '2999-11-23T09:00:00.000Z' });
  await owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");
  const [backup] = await startAll(writer);
  await owner.query("update holdfast.request set taken_at = now() - interval '1 minute'");
  const looked = async (): Promise<readonly string[]> =>
    (await startedRequests(writer, 50)).map(({ requestId }) => requestId);

  const first = await looked();
  const next = await looked();
  const third = await looked();
  await approveRecovery(writer, approval(second, waiting[7]));
  await owner.query(`update holdfast.approval_wait set waits_until = now() where request_bk = '${waiting[8]}'`);
  const fourth = await looked();
  await owner.query("update holdfast.request set looked_at = now() - interval '11 minutes'");
  const later = await looked();

  assert.deepEqual([first.length, next.length], [50, 11]);
  assert.deepEqual([...first, ...next].sort(), [...waiting, String(backup)].sort());
  assert.deepEqual(third, [backup]);
  assert.deepEqual(fourth, [waiting[7], waiting[8], backup]);
  assert.equal(later.length, 50);
});

test('an execution that was started otherwise can be approved as any other', async () => {
  await using catalog = await catalogOf();

  await awaitApproval(catalog.writer, wait('a token'));
  const status = await statusOf(catalog.owner);
  await approveRecovery(catalog.writer, approval(second));

  assert.equal(status, 'WAITING_FOR_APPROVAL');
  assert.deepEqual(
    (await decidedRecoveries(catalog.writer)).map(({ requestId, taskToken }) => [requestId, taskToken]),
    [[recoveryId, 'a token']],
  );
});

test('whoever looks sees since when an execution waits for somebody and until when, until that is decided', async () => {
  await using catalog = await catalogOf();
  const { writer, owner } = catalog;
  const shown = async (role: string) => {
    await owner.query(`set role ${role}`);
    const rows = await rowsOf(
      owner,
      'select request_bk, approval_awaited_since, approval_awaited_until from backup_mgmt.requests',
    );
    await owner.query('reset role');
    return rows.map(({ request_bk, ...times }) => [request_bk, ...Object.values(times)]);
  };
  const listed = async () =>
    (await listRecoveries(writer)).map(({ recoveryId: id, ...one }) => [
      id,
      one.approvalAwaitedSince,
      one.approvalAwaitedUntil,
    ]);
  await owner.query(
    "insert into holdfast.tenant_role (role_name, tenant) values ('acme_app', 'acme'), ('zeta_app', 'zeta')",
  );
  await owner.query('create role acme_app in role backup_tenant; create role zeta_app in role backup_tenant');
  await requestRecovery(writer, { ...asked(), tenant: 'acme' });
  await startAll(writer);
  const unasked = await shown('backup_operator');

  await awaitApproval(writer, { ...wait('a token'), tenant: 'acme' });
  const times = ['2026-11-22T09:00:00.000Z', '2026-11-23T09:00:00.000Z'];

  assert.deepEqual(unasked, [[recoveryId, null, null]]);
  assert.deepEqual(await shown('backup_operator'), [[recoveryId, ...times]]);
  assert.deepEqual(await shown('holdfast_reader'), [[recoveryId, ...times]]);
  assert.deepEqual(await shown('acme_app'), [[recoveryId, ...times]]);
  assert.deepEqual(await shown('zeta_app'), []);
  assert.deepEqual(await listed(), [[recoveryId, ...times]]);
  const [request] = await listRequests(writer, 10);
  assert.deepEqual([request?.approvalAwaitedSince, request?.approvalAwaitedUntil], times);

  await approveRecovery(writer, approval(second));

  assert.deepEqual(await shown('backup_operator'), [[recoveryId, null, null]]);
  assert.deepEqual(await listed(), [[recoveryId, null, null]]);
});

test('nobody reads the tokens but what passes decisions on', async () => {
  await using catalog = await catalogOf();
  await awaitApproval(catalog.writer, wait('a secret'));

  for (const role of ['backup_operator', 'backup_tenant', 'holdfast_reader'])
    assert.deepEqual(
      await rowsOf(catalog.owner, `select has_table_privilege('${role}', 'holdfast.approval_wait', 'select') as may`),
      [{ may: false }],
      role,
    );
  for (const role of ['backup_operator', 'backup_tenant', 'holdfast_reader'])
    assert.deepEqual(
      await rowsOf(
        catalog.owner,
        `select has_column_privilege('${role}', 'holdfast.approval_wait', 'task_token', 'select') as may`,
      ),
      [{ may: false }],
      role,
    );
  const everything = await rowsOf(
    catalog.owner,
    'select to_jsonb(r)::text as row from holdfast.request as r union all select to_jsonb(a)::text from holdfast.audit_entry as a',
  );
  assert.ok(everything.every(({ row }) => !String(row).includes('a secret')));
});

test('one that needs no approval is handed out at once, and one that was never started is given up', async () => {
  await using catalog = await catalogOf();
  await requestRecovery(catalog.writer, asked(false));
  const taken = await takeRequests(catalog.writer, 10);

  await using other = await catalogOf();
  await requestRecovery(other.writer, asked());
  await rowsOf(other.owner, "update holdfast.request set requested_at = now() - interval '25 hours'");
  const [expired] = await expireApprovals(other.writer, 24);

  assert.equal(taken.length, 1);
  assert.equal(expired?.failure.code, 'approval-expired');
  await assert.rejects(approveRecovery(other.writer, approval(second)), { code: 'approval-expired' });
  await assert.rejects(
    approveRecovery(other.writer, approval('x', backupIdSchema.parse('20261122T090000Z-ffffffff'))),
    { code: 'recovery-unknown' },
  );
});

test('what an older version has queued waits until it is approved, and cannot be refused', async () => {
  await using catalog = await catalogOf();
  await requestRecovery(catalog.writer, asked());
  await rowsOf(catalog.owner, "update holdfast.request set machine = 'restore'");

  const unapproved = await takeRequests(catalog.writer, 10);
  await assert.rejects(refuseRecovery(catalog.writer, refusal(second)), { code: 'approval-refused' });
  await approveRecovery(catalog.writer, approval(second));

  assert.deepEqual(unapproved, []);
  assert.deepEqual(await startAll(catalog.writer), [recoveryId]);
});
