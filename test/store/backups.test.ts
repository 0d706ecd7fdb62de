import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { findBackup } from '../../lib/store/backups.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';

test("'latest' is the newest complete backup that brings the data back, however many of definitions alone came after it", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-backups-'));
  const store = await openDirectoryStore(folder);
  try {
    const backups: readonly (Partial<Manifest> & Pick<Manifest, 'backupId'>)[] = [
      { backupId: '20261121T020000Z-00000001' as Manifest['backupId'] },
      { backupId: '20261121T030000Z-00000002' as Manifest['backupId'], status: 'partial' },
      { backupId: '20261121T040000Z-00000003' as Manifest['backupId'], method: 'schema' },
    ];
    for (const backup of backups) {
      const manifest = { ...manifestOf({ backupId: backup.backupId }), ...backup };
      await putJson(store, manifestKey(manifest.target, manifest.backupId), manifest, { condition: 'absent' });
    }

    const latest = await findBackup(store, { backup: 'latest' });
    const named = await findBackup(store, { backup: '20261121T040000Z-00000003' as Manifest['backupId'] });

    assert.equal(latest.id, '20261121T020000Z-00000001');
    assert.equal(named.id, '20261121T040000Z-00000003');
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
