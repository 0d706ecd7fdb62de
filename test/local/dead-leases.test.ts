import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetNameSchema } from '../../lib/core/ids.ts';
import { leaseKey } from '../../lib/core/object-keys.ts';
import { releaseDeadLeases } from '../../lib/local/dead-leases.ts';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import { acquireLease } from '../../lib/store/lease.ts';
import { lifecycle } from '../lifecycle/fixtures.ts';

const dead = (name: string): ExecutionRecord => ({
  name,
  arn: `arn:aws:states:eu-central-1:000000000000:execution:holdfast-backup:${name}`,
  machineArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:holdfast-backup',
  machineName: 'holdfast-backup',
  status: 'FAILED',
  input: '{}',
  beganAt: '2026-11-21T02:00:00.000Z',
  redriveCount: 0,
});

test('what a dead execution held is free at once, its task finds its lease lost, and others keep theirs', async () => {
  await using place = await lifecycle();
  const take = (target: string, holder: string) =>
    acquireLease(place.store, leaseKey(targetNameSchema.parse(target), 'logical'), {
      holder,
      description: holder,
      ttlSeconds: 900,
      clock: () => new Date(),
    });
  const zombie = await take('orders', 'dead-one');
  await take('stock', 'alive');

  const released = await releaseDeadLeases(place.config.store, [dead('dead-one'), dead('dead-two')]);

  assert.deepEqual(released, ['leases/orders/logical.json']);
  await assert.rejects(zombie.renew(), { code: 'lease-lost' });
  assert.equal((await take('orders', 'next')).token, 2);
  await assert.rejects(take('stock', 'next'), { code: 'lease-held' });
});
