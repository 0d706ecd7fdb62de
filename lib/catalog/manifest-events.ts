import { timeOfId } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';
import type { Manifest } from '../core/manifest.ts';
import { completedEvent } from '../core/manifest-events.ts';

/**
 * The events that a published backup's manifest proves, for a backup whose journal was lost. The same manifest always gives the same
 * events; the journal's own, should they turn up, are other events of the same backup and are applied beside them. Whether the backup
 * was validated is not in the manifest: verification is PENDING.
 */
export function eventsOfManifest(
  manifest: Manifest,
  store: { readonly url: string; readonly kind: 's3' | 'file' },
): readonly JournalEvent[] {
  const base = { operation: manifest.backupId, tenant: manifest.tenant };
  return [
    {
      ...base,
      event: 'backup-requested',
      at: timeOfId(manifest.backupId).toISOString(),
      target: manifest.target,
      engine: manifest.engine,
      method: manifest.method,
      tier: manifest.tier,
      scheduledTime: manifest.scheduledTime,
      requestedBy: manifest.requestedBy,
      execution: manifest.writer.execution,
      parent: manifest.parent,
    },
    { ...base, event: 'backup-begun', at: manifest.beganAt, fencingToken: manifest.writer.fencingToken },
    endingOf(manifest, completedEvent(manifest, store, 'PENDING')),
  ];
}

function endingOf(manifest: Manifest, completed: Extract<JournalEvent, { event: 'backup-completed' }>): JournalEvent {
  if (manifest.status === 'complete') return completed;
  const { operation, at, tenant, endedAt, storageLocation, storageType, plainBytes, storedBytes, retentionUntil } =
    completed;
  const lost = manifest.streams.filter(({ status }) => status === 'failed').map(({ name }) => `'${name}'`);
  return {
    ...{ operation, at, tenant, endedAt, storageLocation, storageType, plainBytes, storedBytes, retentionUntil },
    event: 'backup-failed',
    error: {
      code: 'partial',
      message: `${lost.length} of ${manifest.streams.length} streams failed: ${lost.join(', ')}`,
      hint: "'holdfast show' lists what failed and why; the rest can be restored",
    },
  };
}
