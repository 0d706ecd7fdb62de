import {
  GetScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { schedulerCron } from '../core/schedule-expression.ts';
import type { ScheduleState } from '../core/schedules.ts';

/** What became of a schedule: made to fire as it should, found so, or not there (not deployed yet, or deleted by hand). */
export type Applied = 'updated' | 'unchanged' | 'missing';

/**
 * Makes EventBridge Scheduler's definition say what is in force. UpdateSchedule replaces a definition whole, so everything else is sent back as
 * it was found. Repeats without harm; a crash before the update leaves the old times, and the next application puts them right.
 */
export async function applySchedule(scheduler: SchedulerClient, group: string, state: ScheduleState): Promise<Applied> {
  const current = await scheduler
    .send(new GetScheduleCommand({ GroupName: group, Name: state.name }))
    .catch((error: unknown) => {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    });
  if (current === undefined) return 'missing';
  const wanted = {
    ScheduleExpression: schedulerCron(state.cron),
    ScheduleExpressionTimezone: state.timezone,
    State: state.enabled ? ('ENABLED' as const) : ('DISABLED' as const),
  };
  const differs = (Object.keys(wanted) as (keyof typeof wanted)[]).some((name) => current[name] !== wanted[name]);
  if (!differs) return 'unchanged';
  const { Arn: _, CreationDate: __, LastModificationDate: ___, $metadata: ____, ...kept } = current;
  const { Target, FlexibleTimeWindow } = kept;
  await scheduler.send(
    new UpdateScheduleCommand({ ...kept, ...wanted, GroupName: group, Name: state.name, Target, FlexibleTimeWindow }),
  );
  return 'updated';
}

/** Applies all of them; gives their names by what became of them. */
export async function applySchedules(
  scheduler: SchedulerClient,
  group: string,
  states: readonly ScheduleState[],
): Promise<Readonly<Record<Applied, readonly string[]>>> {
  const names: Record<Applied, string[]> = { updated: [], unchanged: [], missing: [] };
  for (const state of states) names[await applySchedule(scheduler, group, state)].push(state.name);
  return names;
}
