import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { schedulesOf } from '../config/schedules.ts';
import { newOperationId } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly catalog: CatalogClient;
  readonly clock: () => Date;
  readonly record: (event: JournalEvent) => Promise<unknown>;
};

/**
 * Tells the catalog when backups run, when that is not what it knows; true when it was told. Twice at once leaves two events that say the same.
 */
export async function declareSchedules({ config, catalog, clock, record }: Dependencies): Promise<boolean> {
  const schedules = schedulesOf(config);
  if (isDeepStrictEqual(await catalog.declaredSchedules(), schedules)) return false;
  const at = clock();
  const tail = createHash('sha256').update(JSON.stringify(schedules)).digest('hex').slice(0, 8);
  await record({
    event: 'schedules-declared',
    operation: newOperationId(at, tail),
    at: at.toISOString(),
    tenant: null,
    schedules: [...schedules],
  });
  return true;
}
