import type { CatalogClient } from '../catalog/client.ts';
import { emitMetrics } from '../observe/metrics.ts';

/**
 * Measures the requests that are due and that nobody takes: by whoever takes them, each minute, and by the reconciler too, because a
 * dispatcher that does not run does not say so.
 */
export async function measureQueue(catalog: CatalogClient): Promise<void> {
  const { waiting, oldestSeconds } = await catalog.queueState();
  emitMetrics({}, { RequestsWaiting: waiting, OldestRequestSeconds: oldestSeconds });
}
