import type { Client } from 'pg';
import { isWaiting } from './decided-recoveries.ts';

/** How many requests are due and untaken, and for how long the oldest of them has been. */
export type QueueState = { readonly waiting: number; readonly oldestSeconds: number };

/** Requests that wait for a run before them, for their time or for an approval are not counted: nobody need do anything for those. */
export async function queueState(client: Client): Promise<QueueState> {
  const { rows } = await client.query<QueueState>(
    `select
       count(*) as "waiting",
       coalesce(round(extract(epoch from now() - min(r.run_at))), 0)::float8 as "oldestSeconds"
     from holdfast.request as r
     where r.status = 'QUEUED'
       and r.run_at <= now()
       and r.is_startable
       and not exists (
         select from holdfast.request as other
         where other.target = r.target and other.method = r.method and other.status in ('TAKEN', 'STARTED')
           and not exists (${isWaiting})
       )`,
  );
  return rows[0] ?? { waiting: 0, oldestSeconds: 0 };
}
