import { type JournalEvent, journalKey } from '../core/journal.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { historyOf, type Validity } from './history.ts';

export type SchedulesDeclared = Extract<JournalEvent, { event: 'schedules-declared' }>;

/** The columns of `backup_schedule_s` that say what a schedule is. */
export type ScheduleState = {
  readonly schedule_hk: string;
  readonly schedule_bk: string;
  readonly tenant_hk: string | null;
  readonly target: string;
  readonly engine: string;
  readonly method: string;
  readonly tier: string;
  readonly cron_expression: string;
  readonly timezone: string;
  readonly retention_days: number;
  readonly is_enabled: boolean;
};

/**
 * The histories of all schedules, from all declarations in any order. Each declaration is the whole truth of its time: a schedule
 * that it does not name has ended, and begins anew when a later one names it again.
 */
export function projectSchedules(declarations: readonly SchedulesDeclared[]): readonly (ScheduleState & Validity)[] {
  const inOrder = [...declarations].sort(
    (a, b) => Date.parse(a.at) - Date.parse(b.at) || (journalKey(a) < journalKey(b) ? -1 : 1),
  );
  const names = new Set(inOrder.flatMap(({ schedules }) => schedules.map(({ name }) => name)));
  return [...names].sort().flatMap((name) =>
    historyOf(
      inOrder.map((declaration) => {
        const schedule = declaration.schedules.find((candidate) => candidate.name === name);
        return {
          at: declaration.at,
          source: journalKey(declaration),
          row: schedule === undefined ? null : stateOf(schedule),
        };
      }),
    ),
  );
}

function stateOf(schedule: SchedulesDeclared['schedules'][number]): ScheduleState {
  return {
    schedule_hk: hashKey(schedule.name),
    schedule_bk: schedule.name,
    tenant_hk: tenantKey(schedule.tenant),
    target: schedule.target,
    engine: schedule.engine,
    method: schedule.method,
    tier: schedule.tier,
    cron_expression: schedule.cron,
    timezone: schedule.timezone,
    retention_days: schedule.retentionDays,
    is_enabled: schedule.enabled,
  };
}
