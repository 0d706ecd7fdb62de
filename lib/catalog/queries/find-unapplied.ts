import type { Client } from 'pg';

/** Those of the journal keys whose events are not in the catalog yet, in the order given. */
export async function findUnapplied(client: Client, keys: readonly string[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ event_key: string }>(
    `select event_key
     from unnest($1::text[]) with ordinality as asked (event_key, place)
     where not exists (select from holdfast.applied_event as applied where applied.event_key = asked.event_key)
     order by place`,
    [keys],
  );
  return rows.map(({ event_key }) => event_key);
}
