import type { HoldfastConfig } from '../config/config.ts';
import { prefixes } from '../core/object-keys.ts';
import { releaseHeldBy } from '../store/lease.ts';
import { openStore } from '../store/open-store.ts';
import type { ExecutionRecord } from './executions/history.ts';

/**
 * Releases the leases of executions that are dead, so that the next run need not wait until they run out; gives their keys. Should a task of theirs
 * still be ending, its next renewal tells it that the lease is lost, and it publishes nothing.
 */
export async function releaseDeadLeases(
  settings: HoldfastConfig['store'],
  dead: readonly ExecutionRecord[],
): Promise<readonly string[]> {
  if (dead.length === 0) return [];
  const store = await openStore(settings);
  try {
    const released: string[] = [];
    for await (const { key } of store.list(prefixes.leases))
      for (const { name } of dead)
        if (await releaseHeldBy(store, key, { holder: name, clock: () => new Date() })) released.push(key);
    return released;
  } finally {
    await store.close();
  }
}
