import { manifestKey } from '../../lib/core/object-keys.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import type { Store } from '../../lib/store/store.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';

/** Publishes a complete, if empty, backup for an admitted run, which began when it was asked for and ended at `endedAt`. */
export async function publishManifest(store: Store, run: BackupRun, endedAt: Date): Promise<void> {
  const manifest = {
    ...manifestOf({ backupId: run.backupId }),
    target: run.target,
    beganAt: run.requestedAt,
    endedAt: endedAt.toISOString(),
  };
  await putJson(store, manifestKey(run.target, run.backupId), manifest, { condition: 'absent' });
}
