import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { restoreTestRequestSchema } from '../../lib/core/requests.ts';
import { admitRestoreTest } from '../../lib/lifecycle/admit-restore-test.ts';
import type { Store } from '../../lib/store/store.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { lifecycle } from './fixtures.ts';

const orders = targetNameSchema.parse('orders');
const any = restoreTestRequestSchema.parse({});
const log = { warn: () => {} };

const asked = (request = any, execution = 'sunday') => ({
  request,
  execution,
  startedAt: '2026-11-21T12:00:00.000Z',
  redriveCount: 0,
});

async function publish(store: Store, id: string, status: 'complete' | 'partial' = 'complete'): Promise<void> {
  await putJson(store, manifestKey(orders, backupIdSchema.parse(id)), manifestOf({ backupId: id, status }));
}

test('a retried admission tests the backup that was chosen first, whatever was backed up since', async () => {
  await using parts = await lifecycle();
  const dependencies = { ...parts, catalog: undefined, log };
  await publish(parts.store, '20261121T020000Z-9f3c2a1b');

  const first = await admitRestoreTest(dependencies, asked());
  for (let hour = 10; hour < 24; hour++) await publish(parts.store, `20261122T${hour}0000Z-9f3c2a1b`);
  const again = await admitRestoreTest(dependencies, asked());

  assert.equal(first.verdict, 'admitted');
  assert.equal(first.run.backupId, '20261121T020000Z-9f3c2a1b');
  assert.deepEqual(again, first);
});

test('a redrive is another test', async () => {
  await using parts = await lifecycle();
  const dependencies = { ...parts, catalog: undefined, log };
  await publish(parts.store, '20261121T020000Z-9f3c2a1b');

  const first = await admitRestoreTest(dependencies, asked());
  const redriven = await admitRestoreTest(dependencies, { ...asked(), redriveCount: 1 });

  assert.ok(first.verdict === 'admitted' && redriven.verdict === 'admitted');
  assert.notEqual(redriven.run.validationId, first.run.validationId);
});

test('a partial backup is not chosen, and is tested when it is named', async () => {
  await using parts = await lifecycle();
  const dependencies = { ...parts, catalog: undefined, log };
  await publish(parts.store, '20261121T020000Z-9f3c2a1b', 'partial');

  const chosen = await admitRestoreTest(dependencies, asked());
  const named = await admitRestoreTest(
    dependencies,
    asked(restoreTestRequestSchema.parse({ backup: '20261121T020000Z-9f3c2a1b' }), 'by hand'),
  );

  assert.equal(chosen.verdict, 'nothing');
  assert.equal(named.verdict === 'admitted' && named.run.reason, 'it was named');
});

test('a target without a backup is told of, and so is a backup that does not exist', async () => {
  await using parts = await lifecycle();
  const dependencies = { ...parts, catalog: undefined, log };

  await assert.rejects(admitRestoreTest(dependencies, asked(restoreTestRequestSchema.parse({ target: 'orders' }))), {
    code: 'backup-unknown',
    message: `no complete backup of target 'orders' in '${parts.store.url}'`,
  });
  await assert.rejects(
    admitRestoreTest(dependencies, asked(restoreTestRequestSchema.parse({ backup: '20261121T020000Z-00000000' }))),
    { code: 'backup-unknown' },
  );
});

test('a manifest that cannot be read is passed over with a word', async () => {
  await using parts = await lifecycle();
  const warnings: string[] = [];
  const dependencies = { ...parts, catalog: undefined, log: { warn: (text: string) => warnings.push(text) } };
  await parts.store.put('backups/orders/20261122T020000Z-9f3c2a1b/manifest.json', Buffer.from('{'));
  await publish(parts.store, '20261121T020000Z-9f3c2a1b');

  const admission = await admitRestoreTest(dependencies, asked());

  assert.equal(admission.verdict === 'admitted' && admission.run.backupId, '20261121T020000Z-9f3c2a1b');
  assert.match(warnings[0] ?? '', /^\[manifest-unreadable\]/);
});
