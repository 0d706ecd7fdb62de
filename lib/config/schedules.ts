import type { ScheduleEntry } from '../core/schedules.ts';
import type { HoldfastConfig } from './config.ts';

/** Every schedule of the configuration, by name. */
export function schedulesOf({ targets }: Pick<HoldfastConfig, 'targets'>): readonly ScheduleEntry[] {
  return targets
    .flatMap((target) =>
      target.backups.map((entry) => ({
        name: entry.name,
        target: target.name,
        engine: target.engine,
        method: entry.method,
        tier: entry.tier,
        cron: entry.schedule,
        timezone: entry.timezone,
        retentionDays: entry.retentionDays,
        enabled: entry.enabled,
      })),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
