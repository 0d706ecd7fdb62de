import type { Client } from 'pg';
import { type JournalEvent, targetsDeclaredSchema } from '../../core/journal.ts';

export type TargetsDeclared = Extract<JournalEvent, { event: 'targets-declared' }>;

/** The newest declaration of targets that is known: each is the whole truth of its time. Undefined before the first. */
export async function selectNewestTargets(client: Client): Promise<TargetsDeclared | undefined> {
  const { rows } = await client.query<{ payload: unknown }>(
    `select payload
     from holdfast.applied_event
     where event_name = 'targets-declared'
     order by payload ->> 'at' desc, event_key desc
     limit 1`,
  );
  return rows[0] && targetsDeclaredSchema.parse(rows[0].payload);
}
