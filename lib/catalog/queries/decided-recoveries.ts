import type { Client } from 'pg';
import * as z from 'zod';
import type { JournalEvent } from '../../core/journal.ts';

/** A decision that the execution that waits for it has not been told. */
export type DecidedRecovery = {
  readonly requestId: string;
  readonly taskToken: string;
  readonly machine: string;
  readonly execution: string;
  readonly decision: 'approved' | 'refused';
  /** Who decided. */
  readonly by: string;
  /** What the journal is to say of it before the execution is told, in order. */
  readonly events: readonly JournalEvent[];
};

/**
 * Decisions to be passed on. An approved recovery has its turn as other requests of its target and method have: it is handed out when the run
 * before it has ended, and one at a time.
 */
export async function decidedRecoveries(client: Client): Promise<readonly DecidedRecovery[]> {
  const { rows } = await client.query<DecidedRecovery>(decided);
  return rows;
}

export const passedOnSchema = z.array(z.strictObject({ requestId: z.string(), taskToken: z.string() }));

/** Forgets tokens whose executions have been told. One that asked anew meanwhile has another, which stays. */
export async function forgetTokens(
  client: Client,
  told: readonly Pick<DecidedRecovery, 'requestId' | 'taskToken'>[],
): Promise<{ readonly forgotten: number }> {
  const { rowCount } = await client.query(
    `delete from holdfast.approval_wait as w
     using jsonb_to_recordset($1::jsonb) as t ("requestId" text, "taskToken" text)
     where w.request_bk = t."requestId" and w.task_token = t."taskToken"`,
    [JSON.stringify(told)],
  );
  return { forgotten: rowCount ?? 0 };
}

/** Does the execution of request `other` wait for an approval? It touches nothing meanwhile, and keeps nobody waiting. */
export const isWaiting = 'select from holdfast.approval_wait as w where w.request_bk = other.request_bk';

const decided = `
  with waiting as (
    select
      r.*,
      w.task_token,
      row_number() over (
        partition by r.target, r.method, r.refused_by is not null order by r.requested_at, r.request_bk
      ) as place
    from holdfast.approval_wait as w
    join holdfast.request as r using (request_bk)
    where r.approved_by is not null or r.refused_by is not null
  )
  select
    r.request_bk as "requestId",
    r.task_token as "taskToken",
    r.machine,
    r.execution,
    case when r.refused_by is null then 'approved' else 'refused' end as "decision",
    coalesce(r.refused_by, r.approved_by) as "by",
    to_jsonb(r.events) as "events"
  from waiting as r
  where r.refused_by is not null
    or (
      r.place = 1
      and not exists (
        select from holdfast.request as other
        where other.target = r.target
          and other.method = r.method
          and other.request_bk <> r.request_bk
          and other.status in ('TAKEN', 'STARTED')
          and not other.is_undecided
          and not exists (${isWaiting})
      )
    )
  order by r.requested_at, r.request_bk`;
