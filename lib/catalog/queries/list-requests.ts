import type { Client } from 'pg';

/** A request that was made by SQL, as it stands. */
export type QueuedRequest = {
  readonly requestId: string;
  readonly kind: 'backup' | 'recovery' | 'verification' | 'cleanup';
  readonly target: string | null;
  readonly tier: string | null;
  readonly status: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly dueAt: string;
  readonly waitsFor: string | null;
  /** Since when its execution waits for a second person, and when it is given up; null when it waits for nobody. */
  readonly approvalAwaitedSince: string | null;
  readonly approvalAwaitedUntil: string | null;
  readonly untakenSeconds: number | null;
  readonly execution: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorHint: string | null;
};

/** Requests by SQL, newest first. */
export async function listRequests(client: Client, limit: number): Promise<readonly QueuedRequest[]> {
  const { rows } = await client.query<QueuedRequest>(
    `select
       request_bk as "requestId",
       kind,
       target,
       tier,
       request_status as "status",
       requested_by as "requestedBy",
       requested_at as "requestedAt",
       run_at as "dueAt",
       waits_for as "waitsFor",
       approval_awaited_since as "approvalAwaitedSince",
       approval_awaited_until as "approvalAwaitedUntil",
       untaken_seconds as "untakenSeconds",
       execution,
       error_code as "errorCode",
       error_message as "errorMessage",
       error_hint as "errorHint"
     from backup_mgmt.requests
     order by requested_at desc, request_bk desc
     limit $1::integer`,
    [limit],
  );
  return rows;
}
