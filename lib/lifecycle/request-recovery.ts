import type { CatalogClient } from '../catalog/client.ts';
import { type HoldfastConfig, requireTarget } from '../config/config.ts';
import type { BackupId } from '../core/ids.ts';
import type { RestoreRequest } from '../core/requests.ts';
import { selectionOf } from '../core/selection.ts';
import { findBackup, readManifest } from '../store/backups.ts';
import type { Store } from '../store/store.ts';
import { protectSource } from './protect-source.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient;
};

/**
 * Queues a recovery: its execution is started, and where it needs an approval waits for a second person. Which backup `latest` is, is
 * settled now. Asked again under the same id it is the same recovery.
 */
export async function queueRecovery(
  { config, store, catalog }: Dependencies,
  asked: {
    readonly request: RestoreRequest & { readonly requestedBy: NonNullable<RestoreRequest['requestedBy']> };
    readonly recoveryId: BackupId;
    readonly at: Date;
    readonly needsApproval: boolean;
  },
): Promise<void> {
  const { request, recoveryId } = asked;
  const found = await findBackup(store, request);
  const { method, tenant } = await readManifest(store, found.target, found.id);
  const into = requireTarget(config, request.into ?? found.target);
  protectSource(request, found.target);
  selectionOf(request);
  const requestedAt = asked.at.toISOString();
  const execution = `${into.name}-recovery-${recoveryId}`;
  await catalog.requestRecovery({
    request: {
      ...{ ...request, backup: found.id, target: found.target, recoveryId, requestedAt },
      needsApproval: asked.needsApproval,
    },
    receiver: into.name,
    method,
    tenant,
    execution,
    needsApproval: asked.needsApproval,
    event: {
      event: 'recovery-requested',
      operation: recoveryId,
      at: requestedAt,
      tenant,
      backupId: found.id,
      target: found.target,
      destination: `${into.name}${request.as === undefined ? '' : `/${request.as}`}`,
      requestedBy: request.requestedBy,
      execution,
      ...(request.point && { point: request.point }),
    },
  });
}
