import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupIdSchema } from '../../lib/core/ids.ts';
import { journalKey } from '../../lib/core/journal.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { knownBackups } from '../../lib/lifecycle/known-backups.ts';
import { putJson } from '../../lib/store/text.ts';
import { verified } from '../catalog/events.ts';
import { manifestOf } from '../catalog/manifests.ts';
import { target, walPlace } from '../wal/wal-place.ts';

test('of the store alone: what builds on a backup that is known to be bad is bad, however far the chain goes', async () => {
  await using place = await walPlace();
  const { store } = place;
  const idOf = (day: number) => backupIdSchema.parse(`202611${day}T020000Z-9f3c2a1b`);
  const publish = async (day: number, parent: number | null) =>
    putJson(store, manifestKey(target, idOf(day)), {
      ...manifestOf({ backupId: idOf(day) }),
      parent: parent === null ? null : idOf(parent),
    });
  await publish(17, null);
  await publish(18, null);
  await publish(19, 18);
  await publish(20, 19);
  const found = verified({ operation: idOf(18), verification: 'FAILED', detail: 'corrupt: bad', by: 'restore-test' });
  await putJson(store, journalKey(found), found);

  const known = await knownBackups({ store, catalog: undefined, warn: () => {} }, { targets: [target], perTarget: 2 });

  assert.deepEqual(
    known.backups.map(({ backupId, verification }) => [backupId.slice(0, 8), verification]),
    [
      ['20261120', 'FAILED'],
      ['20261119', 'FAILED'],
      ['20261118', 'FAILED'],
      ['20261117', 'PENDING'],
    ],
  );
});
