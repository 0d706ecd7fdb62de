import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HoldfastConfig } from '../config/config.ts';

/**
 * Makes the folder of a file store, as deploying makes the bucket: once. The state folder remembers that it was made, so that a volume
 * which is not mounted today is a missing store, and not an empty one.
 */
export function makeStore(store: HoldfastConfig['store'], stateDirectory: string): void {
  if (store.kind !== 'file') return;
  const marker = join(stateDirectory, 'store-made');
  if (existsSync(marker)) return;
  mkdirSync(store.path, { recursive: true, mode: 0o700 });
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(marker, `${store.path}\n`);
}
