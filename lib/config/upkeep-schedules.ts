import type { HoldfastConfig } from './config.ts';

/** What Holdfast does by itself beside backups, and when: by cron on the clock of a zone, or every so many minutes. */
export type UpkeepSchedule = {
  readonly name: string;
  /** What happens then, in a sentence without its stop. */
  readonly does: string;
  readonly enabled: boolean;
  readonly when: { readonly cron: string; readonly timezone: string } | { readonly everyMinutes: number };
};

type Configured = Pick<HoldfastConfig, 'targets' | 'restoreTests' | 'cleanup' | 'run' | 'health'>;

/** How often a missed run has to be looked for, to be noticed within a quarter of an hour, and how often the rest. */
export const upkeepMinutes = {
  'take-requests': 1,
  watch: 5,
  'start-services': 5,
  reconcile: 15,
  'apply-schedules': 15,
} as const;

/** Restore tests: the one that chooses among all targets, and those of single targets. */
export function restoreTestSchedules({
  targets,
  restoreTests,
}: Pick<Configured, 'targets' | 'restoreTests'>): readonly (UpkeepSchedule & {
  /** What the state machine is started with. */
  readonly request: { readonly target?: string };
  readonly when: { readonly cron: string; readonly timezone: string };
})[] {
  const { enabled } = restoreTests;
  return [
    {
      name: 'restore-test',
      does: 'A backup of any target, chosen by chance, is restored into a server of its own',
      enabled,
      when: { cron: restoreTests.schedule, timezone: restoreTests.timezone },
      request: {},
    },
    ...targets.flatMap(({ name: target, restoreTest: { schedule: cron, timezone } }) =>
      cron === undefined
        ? []
        : {
            name: `${target}-restore-test`,
            does: `A backup of '${target}', chosen by chance, is restored into a server of its own`,
            enabled,
            when: { cron, timezone },
            request: { target },
          },
    ),
  ];
}

/** All of it, what people look for first. The app makes these schedules, and whoever lists them takes them from here. */
export function upkeepSchedules(config: Configured): readonly UpkeepSchedule[] {
  const every = (name: keyof typeof upkeepMinutes, does: string): UpkeepSchedule => ({
    name,
    does,
    enabled: true,
    when: { everyMinutes: upkeepMinutes[name] },
  });
  const { cleanup, run, health } = config;
  return [
    ...restoreTestSchedules(config).map(({ request: _, ...schedule }) => schedule),
    {
      name: 'cleanup',
      does: 'Removes backups whose time is over',
      enabled: run.cleanup,
      when: { cron: cleanup.schedule, timezone: cleanup.timezone },
    },
    {
      name: 'health-check',
      does: 'Asks targets how they are, and checks the health of everything',
      enabled: true,
      when: { cron: health.schedule, timezone: 'Etc/UTC' },
    },
    every('take-requests', 'Starts what was asked for by SQL'),
    every('watch', 'Compares what should exist with what does'),
    ...(config.targets.some(({ service }) => service?.ecs !== undefined)
      ? [every('start-services', 'Starts services again that runs have stopped which are no more')]
      : []),
    every('reconcile', 'Brings the catalog up to date, and ends runs that could not end themselves'),
    every('apply-schedules', 'Puts back what differs from the configuration and from what was changed by hand since'),
  ];
}
