import { type ScheduleChanged, type ScheduleEntry, schedulesInForce } from '../core/schedules.ts';
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
        tenant: target.tenant ?? null,
      })),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The configuration with what was changed of its schedules by hand: for whoever asks what is to run, and not what was written down. */
export function configInForce(config: HoldfastConfig, changes: readonly ScheduleChanged[]): HoldfastConfig {
  const states = new Map(schedulesInForce(schedulesOf(config), changes).map((state) => [state.name, state]));
  const targets = config.targets.map((target) => ({
    ...target,
    backups: target.backups.map((entry) => {
      const { cron: schedule, timezone, enabled } = states.get(entry.name) ?? { ...entry, cron: entry.schedule };
      return { ...entry, schedule, timezone, enabled };
    }),
  }));
  return { ...config, targets };
}
