import type { Client } from 'pg';
import { type JournalEvent, journalKey } from '../../core/journal.ts';

/** Notes the events as applied; gives the keys of those that were not yet. Of two that share a key the first stays. */
export async function insertAppliedEvents(client: Client, events: readonly JournalEvent[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ event_key: string }>(
    `insert into holdfast.applied_event (event_key, operation, event_name, payload)
     select event_key, payload ->> 'operation', payload ->> 'event', payload
     from unnest($1::text[], $2::jsonb[]) as event (event_key, payload)
     on conflict (event_key) do nothing
     returning event_key`,
    [events.map(journalKey), events.map((event) => JSON.stringify(event, storable))],
  );
  return rows.map(({ event_key }) => event_key);
}

/**
 * PostgreSQL holds neither U+0000 nor half a surrogate pair, and an error message that quotes a tool may have either. One such event
 * must not keep those behind it out of the catalog.
 */
const storable = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\u0000', '\ufffd').toWellFormed() : value;
