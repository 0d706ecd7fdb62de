import { backupIdSchema } from './ids.ts';
import type { JournalEvent } from './journal.ts';
import type { Manifest } from './manifest.ts';
import { manifestKey } from './object-keys.ts';
import { restorablePointOf } from './restorable-point.ts';
import type { VerificationStatus } from './vocabulary.ts';

/** The completion that a published manifest proves, for a run whose own record is written now or was lost. */
export function completedEvent(
  manifest: Manifest,
  store: { readonly url: string; readonly kind: 's3' | 'file' },
  verification: VerificationStatus,
): Extract<JournalEvent, { event: 'backup-completed' }> {
  const madeFrom = backupIdSchema.safeParse(manifest.source['madeFrom']);
  return {
    event: 'backup-completed',
    operation: manifest.backupId,
    at: manifest.endedAt,
    tenant: manifest.tenant,
    beganAt: manifest.beganAt,
    endedAt: manifest.endedAt,
    plainBytes: manifest.plainBytes,
    storedBytes: manifest.storedBytes,
    storageLocation: `${store.url.replace(/\/$/, '')}/${manifestKey(manifest.target, manifest.backupId)}`,
    storageType: store.kind,
    retentionUntil: manifest.retention.until,
    verification,
    restorablePoint: restorablePointOf(manifest),
    ...(manifest.parent !== null && { parent: manifest.parent }),
    ...(madeFrom.success && { madeFrom: madeFrom.data }),
  };
}
