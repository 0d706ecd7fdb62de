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

/**
 * Hands out requests that were started a while ago and still run, as far as is known, for somebody to look at their executions: at most `limit`,
 * those first that were looked at longest ago. What waits for an approval, and whose time is not over, has its turn every ten minutes: its execution
 * ends by the answer or by its own clock, and only a hand could have stopped it.
 */
export async function startedRequests(client: Client, limit: number): Promise<readonly StartedRequest[]> {
  const { rows } = await client.query<StartedRequest>(handOut, [limit]);
  return rows;
}

const handOut = `
  with due as (
    select r.request_bk
    from holdfast.request as r
    where r.status = 'STARTED'
      and r.taken_at < now() - interval '30 seconds'
      and (
        not r.is_undecided
        or r.looked_at is null
        or r.looked_at < now() - interval '10 minutes'
        or not exists (
          select from holdfast.approval_wait as w where w.request_bk = r.request_bk and w.waits_until > now()
        )
      )
    order by r.looked_at nulls first, r.run_at, r.request_bk
    limit $1::integer
    for update of r skip locked
  ),
  looked as (
    update holdfast.request as r
    set looked_at = now()
    from due
    where r.request_bk = due.request_bk
    returning r.*
  )
  select r.request_bk as "requestId", r.kind, r.machine, r.execution, t.tenant, to_jsonb(r.events) as "events"
  from looked as r
  left join holdfast.tenant as t using (tenant_hk)
  order by r.run_at, r.request_bk`;
