import type { Client } from 'pg';
import { z } from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { backupIdSchema } from '../../core/ids.ts';
import { type JournalEvent, journalEventSchema } from '../../core/journal.ts';
import { requesterSchema } from '../../core/manifest.ts';
import { applyEvents } from '../project.ts';

export const approvalSchema = z.strictObject({
  recoveryId: backupIdSchema,
  approvedBy: requesterSchema,
  approvedAt: z.iso.datetime(),
});

type Asked = {
  readonly requested_by: string;
  readonly needs_approval: boolean;
  readonly approved_by: string | null;
  readonly status: string;
  readonly tenant: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
};

/**
 * Lets a recovery that waits for a second person run. The approval is an event of the recovery, journaled with its request. Throws
 * `recovery-unknown`, `approval-expired`, and `approval-refused` when it waits for none, or for somebody else.
 */
export async function approveRecovery(
  client: Client,
  { recoveryId, approvedBy, approvedAt }: z.infer<typeof approvalSchema>,
): Promise<{ readonly approved: true }> {
  const approver = approvedBy.name ?? approvedBy.kind;
  let event: JournalEvent;
  await client.query('begin');
  try {
    const { rows } = await client.query<Asked>(find, [recoveryId]);
    const [asked] = rows;
    requireWaiting(recoveryId, asked, approver);
    event = journalEventSchema.parse({
      event: 'recovery-approved',
      operation: recoveryId,
      at: approvedAt,
      tenant: asked?.tenant ?? null,
      approvedBy,
    });
    await client.query(
      'update holdfast.request set approved_by = $2::text, events = events || $3::jsonb where request_bk = $1::text',
      [recoveryId, approver, JSON.stringify(event)],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
  await applyEvents(client, [event]);
  await client.query("select pg_notify('holdfast', 'take-requests')");
  return { approved: true };
}

function requireWaiting(recoveryId: string, asked: Asked | undefined, approver: string): void {
  if (asked === undefined)
    throw new HoldfastError('recovery-unknown', `no recovery '${recoveryId}' was asked for here`);
  if (asked.error_code === 'approval-expired')
    throw new HoldfastError('approval-expired', `recovery '${recoveryId}' waits no more: ${asked.error_message}`);
  if (!asked.needs_approval || asked.approved_by !== null || asked.status !== 'QUEUED')
    throw new HoldfastError('approval-refused', `recovery '${recoveryId}' waits for no approval`);
  if (asked.requested_by === approver)
    throw new HoldfastError(
      'approval-refused',
      `recovery '${recoveryId}' was asked for by '${approver}', and is approved by somebody else`,
    );
}

const find = `
  select request.requested_by, request.needs_approval, request.approved_by, request.status, request.error_code, request.error_message,
         known.tenant
  from holdfast.request as request
  left join holdfast.tenant as known on known.tenant_hk = request.tenant_hk
  where request.request_bk = $1::text and request.kind = 'recovery'
  for update of request`;
