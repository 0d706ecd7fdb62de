import type { Client } from 'pg';
import { schedulesDeclaredSchema } from '../../core/journal.ts';
import type { SchedulesDeclared } from '../project-schedules.ts';

/** All declarations of schedules that are known, in no order. */
export async function selectDeclarations(client: Client): Promise<readonly SchedulesDeclared[]> {
  const { rows } = await client.query<{ payload: unknown }>(
    "select payload from holdfast.applied_event where event_name = 'schedules-declared'",
  );
  return rows.map(({ payload }) => schedulesDeclaredSchema.parse(payload));
}
