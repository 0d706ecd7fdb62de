import type { Client } from 'pg';
import * as z from 'zod';
import { journalEventSchema } from '../../core/journal.ts';
import { nameOfRequester } from '../../core/manifest.ts';
import { restoreRequestSchema } from '../../core/requests.ts';
import { methodSchema } from '../../core/vocabulary.ts';
import { tenantKey } from '../hash-key.ts';
import { applyEvents } from '../project.ts';

/** A recovery to be queued: what its state machine is to be given, and the event by which it is known from now on. */
export const recoveryToQueueSchema = z.strictObject({
  request: restoreRequestSchema.required({ recoveryId: true, requestedAt: true, requestedBy: true, target: true }),
  receiver: z.string(),
  method: methodSchema,
  tenant: z.string().nullable(),
  execution: z.string(),
  needsApproval: z.boolean(),
  event: journalEventSchema,
});
export type RecoveryToQueue = z.infer<typeof recoveryToQueueSchema>;

/**
 * Queues a recovery that somebody asked for elsewhere than by SQL. Asked again under the same id, nothing happens.
 *
 * The request first, then the row that people see: after a crash in between, the row comes from the event that the request bears.
 */
export async function requestRecovery(client: Client, asked: RecoveryToQueue): Promise<{ readonly queued: boolean }> {
  const { request, event } = asked;
  const { rowCount } = await client.query(insert, [
    request.recoveryId,
    asked.receiver,
    asked.method,
    tenantKey(asked.tenant),
    nameOfRequester(request.requestedBy),
    request.requestedAt,
    asked.needsApproval,
    asked.execution,
    JSON.stringify(request),
    JSON.stringify(event),
  ]);
  await applyEvents(client, [event]);
  await client.query("select pg_notify('holdfast', 'take-requests')");
  return { queued: rowCount === 1 };
}

const insert = `
  insert into holdfast.request (
    request_bk, kind, target, method, tenant_hk, requested_by, requested_at, run_at, needs_approval, machine, execution, input, events
  )
  values (
    $1::text, 'recovery', $2::text, $3::text, $4::bytea, $5::text, $6::timestamptz, $6::timestamptz, $7::boolean, 'recovery', $8::text,
    $9::jsonb, array[$10::jsonb]
  )
  on conflict (request_bk) do nothing`;
