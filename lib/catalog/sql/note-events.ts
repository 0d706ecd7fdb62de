import type { Client } from 'pg';

/** Puts the entries that follow from applied events into the audit trail; those that are there already stay. */
export async function noteEvents(client: Client, eventKeys: readonly string[]): Promise<void> {
  await client.query(
    `select holdfast.note_event(event_key, payload)
     from holdfast.applied_event
     where event_key = any ($1::text[])
     order by event_key`,
    [eventKeys],
  );
}
