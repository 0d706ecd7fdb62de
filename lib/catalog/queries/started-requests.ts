import type { Client } from 'pg';
import type { JournalEvent } from '../../core/journal.ts';

/** A request whose execution was started and that has not been seen to end. */
export type StartedRequest = {
  readonly requestId: string;
  readonly kind: 'backup' | 'recovery' | 'verification' | 'cleanup';
  readonly machine: string;
  readonly execution: string;
  readonly tenant: string | null;
  /** What is to be in the journal of it by now. */
  readonly events: readonly JournalEvent[];
};

/** Requests that were started a while ago and still run, as far as is known; oldest first. */
export async function startedRequests(client: Client, limit: number): Promise<readonly StartedRequest[]> {
  const { rows } = await client.query<StartedRequest>(
    `select r.request_bk as "requestId", r.kind, r.machine, r.execution, t.tenant, to_jsonb(r.events) as "events"
     from holdfast.request as r
     left join holdfast.tenant as t using (tenant_hk)
     where r.status = 'STARTED' and r.taken_at < now() - interval '30 seconds'
     order by r.run_at, r.request_bk
     limit $1::integer`,
    [limit],
  );
  return rows;
}
