import type { Client } from 'pg';
import { scheduleChangedSchema, schedulesDeclaredSchema } from '../../core/journal.ts';
import type { ScheduleEvent } from '../project-schedules.ts';

/** All declarations and changes of schedules that are known, in no order. */
export async function selectScheduleEvents(client: Client): Promise<readonly ScheduleEvent[]> {
  const { rows } = await client.query<{ event_name: string; payload: unknown }>(
    `select event_name, payload from holdfast.applied_event where event_name = 'schedules-declared'
     union all
     select event_name, payload from holdfast.applied_event where event_name = 'schedule-changed'`,
  );
  return rows.map(({ event_name, payload }) =>
    event_name === 'schedule-changed' ? scheduleChangedSchema.parse(payload) : schedulesDeclaredSchema.parse(payload),
  );
}
