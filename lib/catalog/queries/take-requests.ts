import type { Client } from 'pg';
import type { JournalEvent } from '../../core/journal.ts';
import { isWaiting } from './decided-recoveries.ts';

/** A request that was handed out: everything that it takes to start it. */
export type TakenRequest = {
  readonly requestId: string;
  readonly kind: 'backup' | 'recovery' | 'verification' | 'cleanup';
  /** Null for all of them. */
  readonly target: string | null;
  readonly method: string | null;
  /** Which kind of state machine runs it. */
  readonly machine: string;
  /** The execution's name. */
  readonly execution: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** What the journal is to say of it before it is started, in order. */
  readonly events: readonly JournalEvent[];
  /** When it was due. */
  readonly dueAt: string;
  /** How often it has been handed out, this time included. */
  readonly attempts: number;
};

/**
 * Hands out requests that are due, oldest first, each to one asker. Of a target and method there is one at a time: the next is due when the run
 * before it has ended. A request that was handed out and of which nothing was heard for 90 seconds is handed out again.
 */
export async function takeRequests(client: Client, limit: number): Promise<readonly TakenRequest[]> {
  await client.query(endRequests);
  await client.query(forgetWaits);
  const { rows } = await client.query<TakenRequest>(takeDue, [limit]);
  return rows;
}

/** Requests whose backup or recovery has ended, seen by its own row. A restore test that was asked for with a backup is queued now. */
const endRequests = `
  with ended as (
    update holdfast.request as r
    set status = 'ENDED', ended_at = now()
    where r.status = 'STARTED'
      and (
        exists (
          select from backup_mgmt.backup_execution_s as b
          where b.backup_hk = sha256(convert_to(r.request_bk, 'UTF8'))
            and b.load_end_date is null
            and b.backup_status not in ('REQUESTED', 'RUNNING')
        )
        or exists (
          select from backup_mgmt.recovery_operation_s as o
          where o.recovery_hk = sha256(convert_to(r.request_bk, 'UTF8'))
            and o.load_end_date is null
            and o.recovery_status not in ('REQUESTED', 'RUNNING')
        )
      )
    returning r.*
  )
  insert into holdfast.request (
    request_bk, kind, target, tenant_hk, requested_by, requested_at, run_at, machine, execution, input
  )
  select
    wanted.bk, 'verification', ended.target, ended.tenant_hk, ended.requested_by, now(), now(), 'restore-test',
    format('%s-verification-%s', ended.target, wanted.bk), jsonb_build_object('backup', ended.request_bk)
  from ended
  join backup_mgmt.backup_execution_s as b
    on b.backup_hk = sha256(convert_to(ended.request_bk, 'UTF8')) and b.load_end_date is null
  cross join lateral (select holdfast.new_operation_id(now()) as bk) as wanted
  where ended.is_verification_asked
    and b.backup_status = 'COMPLETED'
    and exists (select from holdfast.installation where 'restore-test' = any (machines))`;

/** Nobody waits for a request that has ended. Of one that was decided all the same, the decision has to be journaled first: `forgetTokens` follows that. */
const forgetWaits = `
  delete from holdfast.approval_wait as w
  using holdfast.request as r
  where r.request_bk = w.request_bk
    and r.status in ('ENDED', 'FAILED')
    and r.approved_by is null
    and r.refused_by is null`;

const takeDue = `
  with due as (
    select r.request_bk
    from holdfast.request as r
    where r.run_at <= now()
      and (
        (r.status = 'QUEUED' and r.is_startable)
        or (r.status = 'TAKEN' and (r.waits_for is not null or r.taken_at < now() - interval '90 seconds'))
      )
      and not exists (
        select from holdfast.request as other
        where not r.is_undecided
          and other.target = r.target
          and other.method = r.method
          and (
            (other.status = 'STARTED' and not exists (${isWaiting}))
            or (
              (other.run_at, other.request_bk) < (r.run_at, r.request_bk)
              and (other.status = 'TAKEN' or (other.status = 'QUEUED' and other.is_startable))
              and not other.is_undecided
            )
          )
      )
    order by r.run_at, r.request_bk
    limit $1::integer
    for update of r skip locked
  ),
  taken as (
    update holdfast.request as r
    set status = 'TAKEN', taken_at = now(), attempts = r.attempts + 1, waits_for = null
    from due
    where r.request_bk = due.request_bk
    returning r.*
  )
  select
    request_bk as "requestId", kind, target, method, machine, execution, input, to_jsonb(events) as "events",
    run_at as "dueAt", attempts
  from taken
  order by run_at, request_bk`;
