import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeKey } from '../../lib/core/object-keys.ts';
import { recoveryPlanSchema } from '../../lib/core/recovery-plan.ts';
import { restoreRunSchema } from '../../lib/core/requests.ts';
import { verifyRecovery } from '../../lib/lifecycle/verify-recovery.ts';
import { putJson } from '../../lib/store/text.ts';
import { lifecycle } from './fixtures.ts';

const run = (over: object = {}) =>
  restoreRunSchema.parse({
    ...{ recoveryId: '20261121T090000Z-00c0ffee', backupId: '20261121T020000Z-9f3c2a1b', target: 'orders' },
    ...{ into: 'orders', databases: ['shop'], as: 'shop_then', replace: false, requestedBy: { kind: 'user' } },
    ...{ execution: 'r', requestedAt: '2026-11-21T09:00:00.000Z' },
    ...{ point: { kind: 'time', value: '2026-11-21T08:59:00.000Z' } },
    ...over,
  });
const plan = recoveryPlanSchema.parse({
  ...{ engine: 'postgres', backups: ['20261121T020000Z-9f3c2a1b'], plainBytes: 9, storedBytes: 3 },
  ...{ backupPoint: '2026-11-21T02:00:06.000Z', point: 'time 2026-11-21T08:59:00.000Z' },
  log: {
    ...{ timeline: 1, segments: 1, first: 'a', last: 'a', bytes: 16_777_216 },
    ...{ reachable: '0/4000100', lastSegmentFrom: '0/4000000' },
  },
});
const copy = (over: object = {}) => ({
  ...{
    from: 'cluster',
    to: 'shop_then',
    same: true,
    proof: 'compared',
    tables: 3,
    rows: 10,
    differences: [],
    remarks: ['as of then'],
  },
  ...over,
});

/** What is found of a task that left word of this. */
async function verified(restore: object | undefined, over: object = {}, mode: 'full' | 'test' = 'full') {
  await using opened = await lifecycle();
  const recovery = { ...opened.config.recovery, mode };
  const place = { ...opened, config: { ...opened.config, recovery } };
  const asked = run(over);
  if (restore !== undefined)
    await putJson(place.store, outcomeKey(asked.recoveryId, 'a1b2'), {
      ...{ attempt: 'a1b2', endedAt: '2026-11-21T09:05:00.000Z', exitCode: 0 },
      restore: { restoredBytes: 9, seconds: 1, databases: [copy()], ...restore },
    });
  return await verifyRecovery(place, { run: asked, plan });
}
const reached = { timeline: 2, position: '0/4000080', at: '2026-11-21T08:58:59.000Z' };

test('a recovery that reached its point is handed over: where it is, and what to type next', async () => {
  const { verification, handOver } = await verified({ reached });

  assert.deepEqual(verification, {
    asked: 'time 2026-11-21T08:59:00.000Z',
    reached,
    restoredBytes: 9,
    copies: [{ from: 'cluster', to: 'shop_then', same: true, proof: 'compared', remarks: ['as of then'] }],
  });
  assert.deepEqual(handOver.where, ["'shop_then' of target 'orders'"]);
  assert.match(handOver.next[1] ?? '', /rename to "shop_before"; alter database "shop_then" rename to "shop"'$/);
});

test('after a rehearsal there is nothing to hand over, and nothing to type', async () => {
  const { verification, handOver } = await verified({ reached }, {}, 'test');

  assert.deepEqual(
    verification.copies.map(({ to, same }) => [to, same]),
    [['shop_then', true]],
  );
  assert.deepEqual(handOver, { where: [], next: [] });
});

test('a folder is handed over as one', async () => {
  const cluster = copy({ from: 'cluster', to: '/srv/orders' });

  const { handOver } = await verified({ reached, databases: [cluster] }, { databases: null, as: '/srv/orders' });

  assert.deepEqual(handOver.where, ["folder '/srv/orders'"]);
  assert.equal(handOver.next.at(-1), 'holdfast backup orders --method base');
});

test('all databases of a cluster come under their own names, and none is to take the place of another', async () => {
  const both = [copy({ to: 'shop' }), copy({ to: 'stock' })];

  const { handOver } = await verified({ reached, databases: both }, { databases: null, as: null });

  assert.equal(handOver.next.length, 2);
  assert.ok(handOver.next.every((command) => /^psql --host 127\.0\.0\.1 --port \d+ --dbname \w+$/.test(command)));
});

test('what went past the point, differs, or left no word is no success, whatever the task said', async () => {
  const late = { ...reached, at: '2026-11-21T08:59:00.001Z' };

  await assert.rejects(verified({ reached: late }), { code: 'point-unreachable' });
  await assert.rejects(verified({}), { code: 'point-unreachable' });
  await assert.rejects(verified({ reached, databases: [copy({ same: false, differences: ['a row'] })] }), {
    code: 'comparison-failed',
  });
  await assert.rejects(verified(undefined), {
    code: 'restore-failed',
    message: 'the task ended well, and left no word of what it has restored',
  });
});
