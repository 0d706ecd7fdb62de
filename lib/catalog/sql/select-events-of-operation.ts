import type { Client } from 'pg';
import { type JournalEvent, journalEventSchema } from '../../core/journal.ts';

/** All events of the operation that are known, in no order. */
export async function selectEventsOfOperation(client: Client, operation: string): Promise<readonly JournalEvent[]> {
  const { rows } = await client.query<{ payload: unknown }>(
    'select payload from holdfast.applied_event where operation = $1::text',
    [operation],
  );
  return rows.map(({ payload }) => journalEventSchema.parse(payload));
}
