import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HoldfastConfig } from '../config/config.ts';

const markerIn = (stateDirectory: string): string => join(stateDirectory, 'store-made');

/** Has the store of this state folder been made before? Then a missing one is missing, and not new. */
export const isStoreMade = (stateDirectory: string): boolean => existsSync(markerIn(stateDirectory));

/**
 * Makes the folder of a file store, as deploying makes the bucket: once. The state folder remembers that it was made, so that a volume
 * which is not mounted today is a missing store, and not an empty one.
 */
export function makeStore(store: HoldfastConfig['store'], stateDirectory: string): void {
  if (store.kind !== 'file') return;
  const marker = markerIn(stateDirectory);
  if (existsSync(marker)) return;
  mkdirSync(store.path, { recursive: true, mode: 0o700 });
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(marker, `${store.path}\n`);
}
