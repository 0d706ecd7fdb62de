import { type HealthReport, watchStateSchema } from '../core/health.ts';
import { healthReport } from '../core/health-report.ts';
import { healthKeys } from '../core/object-keys.ts';
import { readDocument } from '../store/document.ts';
import { lookAround, type WatchSources } from './watch-facts.ts';

/** The health of the installation as it is now. Changes nothing; asks no target itself, but uses what they last answered. */
export async function checkHealth(sources: WatchSources): Promise<HealthReport> {
  const { store, clock } = sources;
  const { value: before } = await readDocument(store, healthKeys.watch, watchStateSchema);
  const { facts } = await lookAround(sources, before);
  return healthReport({ ...facts, lastWatchedAt: before?.at ?? null }, clock());
}
