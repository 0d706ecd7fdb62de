import type { Client } from 'pg';
import * as z from 'zod';
import { backupIdSchema } from '../../core/ids.ts';
import { restoreRequestSchema } from '../../core/requests.ts';
import { tenantKey } from '../hash-key.ts';
import { inTransaction } from '../in-transaction.ts';

/** A recovery whose execution waits for a second person. `request` is what it was started with, should nobody have asked for it here. */
export const waitSchema = z.strictObject({
  recoveryId: backupIdSchema,
  taskToken: z.string().min(1),
  since: z.iso.datetime(),
  until: z.iso.datetime(),
  receiver: z.string(),
  tenant: z.string().nullable(),
  requestedBy: z.string(),
  requestedAt: z.iso.datetime(),
  execution: z.string(),
  request: restoreRequestSchema,
});
export type ApprovalWait = z.infer<typeof waitSchema>;

/**
 * Notes that an execution waits for a second person, and by which token it is told of the decision. Asked again, the newest token counts. An
 * execution that was started otherwise than by a request has one from now on, so that it can be approved as any other.
 */
export async function awaitApproval(client: Client, wait: ApprovalWait): Promise<{ readonly awaited: true }> {
  const { recoveryId } = wait;
  await inTransaction(client, async () => {
    await client.query(adoptRequest, [
      recoveryId,
      wait.receiver,
      tenantKey(wait.tenant),
      wait.requestedBy,
      wait.requestedAt,
      wait.execution,
      JSON.stringify(wait.request),
    ]);
    await client.query(noteWait, [recoveryId, wait.taskToken, wait.since, wait.until]);
    // It may have been approved before it was asked for.
    await client.query("select pg_notify('holdfast', 'take-requests')");
  });
  return { awaited: true };
}

const adoptRequest = `
  insert into holdfast.request (
    request_bk, kind, target, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input,
    status, taken_at
  )
  values (
    $1::text, 'recovery', $2::text, $3::bytea, $4::text, $5::timestamptz, $5::timestamptz, true, 'recovery', $6::text,
    $7::jsonb, 'STARTED', now()
  )
  on conflict (request_bk) do update set needs_approval = true`;

const noteWait = `
  insert into holdfast.approval_wait (request_bk, task_token, waits_since, waits_until)
  values ($1::text, $2::text, $3::timestamptz, $4::timestamptz)
  on conflict (request_bk) do update
  set task_token = excluded.task_token, waits_since = excluded.waits_since, waits_until = excluded.waits_until`;
