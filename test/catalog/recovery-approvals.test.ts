import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { applyEvents } from '../../lib/catalog/project.ts';
import { approveRecovery } from '../../lib/catalog/queries/approve-recovery.ts';
import { expireApprovals } from '../../lib/catalog/queries/expire-approvals.ts';
import { requestRecovery } from '../../lib/catalog/queries/request-recovery.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { backupIdSchema } from '../../lib/core/ids.ts';
import { restoreRequestSchema } from '../../lib/core/requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { begun, completed, event, requested } from './events.ts';
import { requestCatalog, rowsOf } from './request-catalog.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

const recoveryId = backupIdSchema.parse('20261122T090000Z-1a2b3c4d');
const asker = { kind: 'api', name: 'arn:aws:iam::1:user/first' } as const;
const at = '2026-11-22T09:00:00.000Z';
const asked = (needsApproval = true) => ({
  request: {
    ...restoreRequestSchema.parse({ backup: '20261121T020000Z-9f3c2a1b', target: 'orders', as: '/srv/orders' }),
    ...{ target: 'orders' as never, recoveryId, requestedAt: at, requestedBy: asker },
  },
  ...{ receiver: 'orders', method: 'base' as const, tenant: null, execution: `orders-restore-${recoveryId}` },
  needsApproval,
  event: event({
    ...{ event: 'recovery-requested', operation: recoveryId, at, backupId: '20261121T020000Z-9f3c2a1b' },
    ...{ target: 'orders', destination: 'orders//srv/orders', requestedBy: asker },
    ...{ execution: `orders-restore-${recoveryId}`, point: { kind: 'latest' } },
  }),
});
const approval = (name: string) => ({ recoveryId, approvedBy: { kind: 'api' as const, name }, approvedAt: at });

test('a recovery that the API asks for waits, and is handed out when somebody else has approved it', async () => {
  await using catalog = await requestCatalog(server, {});
  await applyEvents(catalog.writer, [requested({ method: 'base' }), begun(), completed()]);

  assert.deepEqual(await requestRecovery(catalog.writer, asked()), { queued: true });
  assert.deepEqual(await requestRecovery(catalog.writer, asked()), { queued: false });
  const [row] = await rowsOf(
    catalog.owner,
    'select recovery_status, recovery_type, requested_by_name from backup_mgmt.recovery_operation_s where load_end_date is null',
  );
  const waiting = await takeRequests(catalog.writer, 10);
  await assert.rejects(approveRecovery(catalog.writer, approval('arn:aws:iam::1:user/first')), {
    code: 'approval-refused',
    message: `recovery '${recoveryId}' was asked for by 'arn:aws:iam::1:user/first', and is approved by somebody else`,
  });
  await approveRecovery(catalog.writer, approval('arn:aws:iam::1:user/second'));
  await assert.rejects(approveRecovery(catalog.writer, approval('arn:aws:iam::1:user/third')), {
    code: 'approval-refused',
    message: `recovery '${recoveryId}' waits for no approval`,
  });
  const [taken] = await takeRequests(catalog.writer, 10);

  assert.deepEqual(row, {
    recovery_status: 'REQUESTED',
    recovery_type: 'POINT_IN_TIME',
    requested_by_name: 'arn:aws:iam::1:user/first',
  });
  assert.deepEqual(waiting, []);
  assert.equal(restoreRequestSchema.parse(taken?.input).as, '/srv/orders');
  assert.deepEqual(
    taken?.events.map(({ event: name }) => name),
    ['recovery-requested', 'recovery-approved'],
  );
  assert.deepEqual(
    await rowsOf(
      catalog.owner,
      `select action, actor_kind, actor_name from backup_mgmt.audit_trail where subject = '${recoveryId}' order by occurred_at, action`,
    ),
    [
      { action: 'recovery-approved', actor_kind: 'api', actor_name: 'arn:aws:iam::1:user/second' },
      { action: 'recovery-requested', actor_kind: 'api', actor_name: 'arn:aws:iam::1:user/first' },
    ],
  );
});

test('one that needs no approval is handed out at once, and one that nobody approves is given up', async () => {
  await using catalog = await requestCatalog(server, {});
  await applyEvents(catalog.writer, [requested({ method: 'base' }), begun(), completed()]);
  await requestRecovery(catalog.writer, asked(false));
  const taken = await takeRequests(catalog.writer, 10);

  await using other = await requestCatalog(server, {});
  await applyEvents(other.writer, [requested({ method: 'base' }), begun(), completed()]);
  await requestRecovery(other.writer, asked());
  await rowsOf(other.owner, "update holdfast.request set requested_at = now() - interval '25 hours'");
  const [expired] = await expireApprovals(other.writer, 24);

  assert.equal(taken.length, 1);
  assert.equal(expired?.failure.code, 'approval-expired');
  await assert.rejects(approveRecovery(other.writer, approval('arn:aws:iam::1:user/second')), {
    code: 'approval-expired',
  });
  await assert.rejects(
    approveRecovery(other.writer, { ...approval('x'), recoveryId: backupIdSchema.parse('20261122T090000Z-ffffffff') }),
    { code: 'recovery-unknown' },
  );
});
