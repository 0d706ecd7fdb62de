import { type JournalEvent, journalKey } from '../core/journal.ts';
import { type ScheduleSettings, settingsAfter } from '../core/schedules.ts';
import { hashKey, tenantKey } from './hash-key.ts';
import { type Change, historyOf, type Validity } from './history.ts';

export type SchedulesDeclared = Extract<JournalEvent, { event: 'schedules-declared' }>;
export type ScheduleEvent = Extract<JournalEvent, { event: 'schedules-declared' | 'schedule-changed' }>;

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
  /** Who changed it last by hand, be it back to what is configured; null when nobody has. */
  readonly changed_by_kind: string | null;
  readonly changed_by_name: string | null;
};

/**
 * The histories of all schedules, from all declarations and changes in any order. Each declaration is the whole truth of its time, but for what was
 * changed by hand, which stands until it is reset: a schedule that a declaration does not name has ended, and begins anew when a later one names it
 * again.
 */
export function projectSchedules(events: readonly ScheduleEvent[]): readonly (ScheduleState & Validity)[] {
  const inOrder = [...events].sort(
    (a, b) => Date.parse(a.at) - Date.parse(b.at) || (journalKey(a) < journalKey(b) ? -1 : 1),
  );
  const names = new Set(
    inOrder.flatMap((event) =>
      event.event === 'schedule-changed' ? [event.schedule] : event.schedules.map(({ name }) => name),
    ),
  );
  return [...names].sort().flatMap((name) => historyOf(changesOf(name, inOrder)));
}

/** What is known of one schedule after each event that may concern it. */
function changesOf(name: string, inOrder: readonly ScheduleEvent[]): readonly Change<ScheduleState>[] {
  let declared: Declared | undefined;
  let settings: Partial<ScheduleSettings> = {};
  let by: Requester | undefined;
  return inOrder.flatMap((event) => {
    if (event.event === 'schedules-declared') {
      declared = event.schedules.find((candidate) => candidate.name === name);
    } else if (event.schedule === name) {
      settings = settingsAfter(settings, event);
      by = event.requestedBy;
    } else return [];
    const row = declared ? stateOf({ ...declared, ...settings }, by) : null;
    return [{ at: event.at, source: journalKey(event), row }];
  });
}

type Declared = SchedulesDeclared['schedules'][number];
type Requester = Extract<ScheduleEvent, { event: 'schedule-changed' }>['requestedBy'];

function stateOf(schedule: Declared, by: Requester | undefined): ScheduleState {
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
    changed_by_kind: by?.kind ?? null,
    changed_by_name: by?.name ?? null,
  };
}
