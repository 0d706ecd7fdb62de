import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { type BackupId, backupIdSchema, type TargetName } from './ids.ts';
import { journalKey, type scheduleChangedSchema, type scheduleSettingsSchema } from './journal.ts';
import { prefixes } from './object-keys.ts';
import type { EngineName, Method, Tier } from './vocabulary.ts';

/** When a schedule fires, and whether it does: what a person may change without a deployment. */
export type ScheduleSettings = z.infer<typeof scheduleSettingsSchema>;

/** A schedule as the configuration has it. */
export type ScheduleEntry = ScheduleSettings & {
  readonly name: string;
  readonly target: TargetName;
  readonly engine: EngineName;
  readonly method: Method;
  readonly tier: Tier;
  readonly retentionDays: number;
  readonly tenant: string | null;
};

export type ScheduleChanged = z.infer<typeof scheduleChangedSchema>;

/** A schedule as it is in force: the configuration's, with what was changed by hand. */
export type ScheduleState = ScheduleEntry & {
  /** What the configuration says, and a reset would bring back. */
  readonly configured: ScheduleSettings;
  /** Who changed it last; null when nobody did, or the last change was a reset. */
  readonly changed: { readonly at: string; readonly by: ScheduleChanged['requestedBy'] } | null;
};

/** Sorts before every operation that has begun since, and begins the ids of all schedules' operations. */
const epoch = '19700101T000000Z';

/** Below this are the changes of all schedules, and nothing else of the journal. */
export const scheduleChangesPrefix = `${prefixes.journal}${epoch}-`;

/** The operation that a schedule's changes are events of: an id like any other, of no time, from the schedule's name. */
export const scheduleOperation = (name: string): BackupId =>
  backupIdSchema.parse(`${epoch}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`);

/** In the order in which they were made: by time, which `changeSchedule` makes grow. */
export const compareChanges = (a: ScheduleChanged, b: ScheduleChanged): number =>
  Date.parse(a.at) - Date.parse(b.at) || (journalKey(a) < journalKey(b) ? -1 : 1);

/** The settings that stand after a change, from those that stood before it. What is not among them is as configured. */
export function settingsAfter(
  before: Partial<ScheduleSettings>,
  { set }: Pick<ScheduleChanged, 'set'>,
): Partial<ScheduleSettings> {
  return set === 'as-configured' ? {} : { ...before, ...set };
}

/** The configured schedules as they are in force. Changes of schedules that are not configured (any more) have no effect. */
export function schedulesInForce(
  entries: readonly ScheduleEntry[],
  changes: readonly ScheduleChanged[],
): readonly ScheduleState[] {
  const inOrder = changes.toSorted(compareChanges);
  return entries.map((entry) => {
    const ofEntry = inOrder.filter(({ schedule }) => schedule === entry.name);
    const settings = ofEntry.reduce<Partial<ScheduleSettings>>(settingsAfter, {});
    const last = ofEntry.at(-1);
    return {
      ...entry,
      ...settings,
      configured: { cron: entry.cron, timezone: entry.timezone, enabled: entry.enabled },
      changed: last === undefined || Object.keys(settings).length === 0 ? null : { at: last.at, by: last.requestedBy },
    };
  });
}
