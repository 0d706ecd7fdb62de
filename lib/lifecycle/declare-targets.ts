import type { CatalogClient } from '../catalog/client.ts';
import type { DeclaredTargets } from '../catalog/queries/declared-targets.ts';
import type { BackupEntry, HoldfastConfig } from '../config/config.ts';
import type { Runtime } from '../config/runtime.ts';
import { parentMethodsOf } from '../config/targets/methods.ts';
import type { EngineName, Method } from '../core/vocabulary.ts';
import type { Store } from '../store/store.ts';
import { declare } from './declare.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly machines: Runtime['machines'];
  readonly store: Store;
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly clock: () => Date;
};

/** Tells the catalog what can be asked for, when that is not what it knows; true when it was told. */
export async function declareTargets({
  config,
  machines,
  store,
  catalog,
  recorder,
  clock,
}: Dependencies): Promise<boolean> {
  const targets: DeclaredTargets = {
    storageType: store.kind,
    storageLocation: store.url,
    compression: config.compression.algorithm,
    machines: Object.entries(machines).flatMap(([kind, arn]) => (arn === undefined ? [] : [kind])),
    targets: config.targets.map(({ name, engine, tenant, backups }) => ({
      name,
      engine,
      tenant: tenant ?? null,
      methods: [...new Set(backups.map(({ method }) => method))],
      incrementalMethods: incrementalMethodsOf(engine, backups),
    })),
  };
  return declare(
    { clock, record: (event) => recorder.record(event) },
    {
      known: await catalog.declaredTargets(),
      declared: targets,
      eventOf: (base, declared) => ({ event: 'targets-declared', ...base, ...declared }),
    },
  );
}

/**
 * By which methods the target can have backups that build on those that it has by its schedules, in the engine's order: the first is what is
 * asked for when none is named.
 */
function incrementalMethodsOf(engine: EngineName, backups: readonly BackupEntry[]): Method[] {
  const scheduled = new Set(backups.map(({ method }) => method));
  const entries = Object.entries(parentMethodsOf(engine)) as [Method, readonly Method[]][];
  return entries.flatMap(([method, parents]) => (parents.some((parent) => scheduled.has(parent)) ? [method] : []));
}
