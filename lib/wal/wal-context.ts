import type { HoldfastConfig } from '../config/config.ts';
import type { openKeyProviderOf } from '../keys/open-key-provider.ts';
import type { PipelineSettings } from '../pipeline/settings.ts';
import type { Store } from '../store/store.ts';

/** What it takes to read and write WAL in the store. A run's context is one. */
export type WalContext = {
  readonly store: Store;
  readonly config: Pick<HoldfastConfig, 'encryption' | 'compression'>;
  /** Who opens a wrapped data key. */
  readonly openKeys: typeof openKeyProviderOf;
  readonly clock: () => Date;
  readonly signal: AbortSignal;
};

/** How WAL objects are written. */
export type WalSettings = Pick<PipelineSettings, 'compression' | 'level' | 'algorithm'>;

/** As the configuration has it for everything that is written. */
export function walSettings({ encryption, compression }: WalContext['config']): WalSettings {
  return {
    compression: compression.algorithm,
    level: compression.level,
    algorithm: encryption.keys === 'none' ? 'none' : encryption.algorithm,
  };
}
