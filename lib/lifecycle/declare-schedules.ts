import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { schedulesOf } from '../config/schedules.ts';
import type { JournalEvent } from '../core/journal.ts';
import { declare } from './declare.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly catalog: CatalogClient;
  readonly clock: () => Date;
  readonly record: (event: JournalEvent) => Promise<unknown>;
};

/** Tells the catalog when backups run, when that is not what it knows; true when it was told. */
export async function declareSchedules({ config, catalog, clock, record }: Dependencies): Promise<boolean> {
  return declare(
    { clock, record },
    {
      known: await catalog.declaredSchedules(),
      declared: schedulesOf(config),
      eventOf: (base, schedules) => ({ event: 'schedules-declared', ...base, schedules: [...schedules] }),
    },
  );
}
