import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BackupId } from '../../lib/core/ids.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { newestComplete } from '../../lib/store/newest-backup.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';

test('of backups that began in the same second, the one that ended last is the newest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-newest-'));
  const store = await openDirectoryStore(folder);
  try {
    const ends = { c: '02:00:00.500Z', a: '02:00:00.900Z', b: '02:00:00.700Z' };
    for (const [suffix, end] of Object.entries(ends)) {
      const backupId = `20261121T020000Z-0000000${suffix}` as BackupId;
      const manifest = { ...manifestOf({ backupId }), endedAt: `2026-11-21T${end}` };
      await putJson(store, manifestKey(manifest.target, backupId), manifest, { condition: 'absent' });
    }
    const { target, method } = manifestOf({ backupId: '20261121T020000Z-0000000a' as BackupId });
    const now = new Date('2026-11-21T03:00:00Z');

    const newest = await newestComplete(store, { target, methods: [method] }, now);
    const other = await newestComplete(
      store,
      { target, methods: [method], isUsable: async ({ backupId }) => !backupId.endsWith('a') },
      now,
    );

    assert.equal(newest?.backupId, '20261121T020000Z-0000000a');
    assert.equal(other?.backupId, '20261121T020000Z-0000000b');
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
