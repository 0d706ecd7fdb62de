import type { Client } from 'pg';
import { schedulesDeclaredSchema } from '../../core/journal.ts';
import type { SchedulesDeclared } from '../project-schedules.ts';

/** A schedule, as it was declared. */
export type DeclaredSchedule = SchedulesDeclared['schedules'][number];

/** The schedules of the newest declaration, by name: as configured, whatever was changed by hand since. */
export async function listSchedules(client: Client): Promise<readonly DeclaredSchedule[]> {
  const { rows } = await client.query<{ schedules: readonly unknown[] }>(
    `select payload -> 'schedules' as "schedules"
     from holdfast.applied_event
     where event_name = 'schedules-declared'
     order by (payload ->> 'at')::timestamptz desc, event_key collate "C" desc
     limit 1`,
  );
  return schedulesDeclaredSchema.shape.schedules
    .parse(rows[0]?.schedules ?? [])
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
