import type { Client } from 'pg';
import type { JournalEvent } from '../../core/journal.ts';

/** A recovery that nobody approved in time, and whose row does not say so yet. */
export type ExpiredApproval = {
  readonly requestId: string;
  /** What the journal is to say of it before its end, in order. */
  readonly events: readonly JournalEvent[];
  /** When it was given up: the same at every asking. */
  readonly endedAt: string;
  readonly failure: { readonly code: string; readonly message: string; readonly hint: string };
};

/**
 * Gives up what has waited for an approval for longer than `hours`, and hands out every recovery that was given up and whose row still says
 * REQUESTED. From here on it can be approved no more. Whoever journals its end may die before it has: it is handed out again.
 */
export async function expireApprovals(client: Client, hours: number): Promise<readonly ExpiredApproval[]> {
  await client.query(giveUp, [
    hours,
    `nobody approved it within ${hours} hours`,
    'ask for it again, and have somebody else approve it in time; recovery.approvalHours says how long it waits',
  ]);
  const { rows } = await client.query<ExpiredApproval>(handOut);
  return rows;
}

const giveUp = `
  update holdfast.request
  set
    status = 'FAILED',
    ended_at = date_trunc('milliseconds', now()),
    error_code = 'approval-expired',
    error_message = $2::text,
    error_hint = $3::text
  where status = 'QUEUED'
    and needs_approval
    and approved_by is null
    and requested_at < now() - make_interval(secs => $1::float8 * 3600)`;

const handOut = `
  select
    r.request_bk as "requestId",
    to_jsonb(r.events) as "events",
    r.ended_at as "endedAt",
    jsonb_build_object('code', r.error_code, 'message', r.error_message, 'hint', r.error_hint) as "failure"
  from backup_mgmt.recovery_operation_s as o
  join holdfast.request as r on r.request_bk = o.recovery_bk
  where o.load_end_date is null
    and o.recovery_status = 'REQUESTED'
    and r.status = 'FAILED'
    and r.error_code = 'approval-expired'
  order by r.request_bk`;
