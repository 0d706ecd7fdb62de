import type { HealthReport } from '../core/health.ts';
import { targetsHealthSchema } from '../core/health.ts';
import { healthKeys } from '../core/object-keys.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { readDocument } from '../store/document.ts';
import { putJson } from '../store/text.ts';
import { checkHealth } from './check-health.ts';
import { freshAnswers, type WatchSources } from './watch-facts.ts';

/** Makes the health check, leaves its report in the store, and measures what only targets know. The next check replaces the report. */
export async function recordHealth(sources: WatchSources): Promise<HealthReport> {
  const report = await checkHealth(sources);
  await putJson(sources.store, healthKeys.report, report);
  const { value: asked } = await readDocument(sources.store, healthKeys.targets, targetsHealthSchema);
  for (const { target, unarchivedWalFiles } of freshAnswers(asked, sources.clock()))
    if (unarchivedWalFiles !== null) emitMetrics({ Target: target }, { UnarchivedWalFiles: unarchivedWalFiles });
  emitMetrics({}, { HealthCheckBeat: 1 });
  return report;
}
