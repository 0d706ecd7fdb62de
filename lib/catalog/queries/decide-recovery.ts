import type { Client } from 'pg';
import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupId, backupIdSchema } from '../../core/ids.ts';
import { journalEventSchema } from '../../core/journal.ts';
import { nameOfRequester, requesterSchema } from '../../core/manifest.ts';
import { inTransaction } from '../in-transaction.ts';
import { applyEvents } from '../project.ts';

export const approvalSchema = z.strictObject({
  recoveryId: backupIdSchema,
  approvedBy: requesterSchema,
  approvedAt: z.iso.datetime(),
});

export const refusalSchema = z.strictObject({
  recoveryId: backupIdSchema,
  refusedBy: requesterSchema,
  refusedAt: z.iso.datetime(),
  reason: z.string().optional(),
});

/**
 * Lets a recovery that waits for a second person run. The approval is an event of the recovery, journaled when its execution is told. Throws
 * `recovery-unknown`, `approval-expired`, and `approval-refused` when it waits for none, or for somebody else.
 */
export async function approveRecovery(
  client: Client,
  { recoveryId, approvedBy, approvedAt }: z.infer<typeof approvalSchema>,
): Promise<{ readonly approved: true }> {
  const approver = nameOfRequester(approvedBy);
  await decide(client, recoveryId, {
    column: 'approved_by',
    by: approver,
    event: { event: 'recovery-approved', at: approvedAt, approvedBy },
    require: (asked) => {
      if (asked.requested_by === approver)
        throw new HoldfastError(
          'approval-refused',
          `recovery '${recoveryId}' was asked for by '${approver}', and is approved by somebody else`,
        );
    },
  });
  return { approved: true };
}

/** Ends a recovery that waits for a second person; whoever asked for it may take it back. Throws as `approveRecovery` does. */
export async function refuseRecovery(
  client: Client,
  { recoveryId, refusedBy, refusedAt, reason }: z.infer<typeof refusalSchema>,
): Promise<{ readonly refused: true }> {
  await decide(client, recoveryId, {
    column: 'refused_by',
    by: nameOfRequester(refusedBy),
    event: { event: 'recovery-refused', at: refusedAt, refusedBy, ...(reason === undefined ? {} : { reason }) },
    require: (asked) => {
      if (asked.machine !== 'recovery')
        throw new HoldfastError(
          'approval-refused',
          `recovery '${recoveryId}' was asked of an older version, whose recoveries cannot be refused`,
          { hint: 'it is given up by itself when nobody approves it' },
        );
    },
  });
  return { refused: true };
}

type Asked = {
  readonly requested_by: string;
  readonly machine: string;
  readonly is_undecided: boolean;
  readonly tenant: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
};

type Decision = {
  readonly column: 'approved_by' | 'refused_by';
  readonly by: string;
  readonly event: object;
  /** Throws when this person may not, or not of this recovery. */
  readonly require: (asked: Asked) => void;
};

async function decide(client: Client, recoveryId: BackupId, decision: Decision): Promise<void> {
  const event = await inTransaction(client, async () => {
    const { rows } = await client.query<Asked>(find, [recoveryId]);
    const asked = requireWaiting(recoveryId, rows[0]);
    decision.require(asked);
    const decided = journalEventSchema.parse({ ...decision.event, operation: recoveryId, tenant: asked.tenant });
    await client.query(
      `update holdfast.request set ${decision.column} = $2::text, events = events || $3::jsonb where request_bk = $1::text`,
      [recoveryId, decision.by, JSON.stringify(decided)],
    );
    return decided;
  });
  await applyEvents(client, [event]);
  await client.query("select pg_notify('holdfast', 'take-requests')");
}

function requireWaiting(recoveryId: string, asked: Asked | undefined): Asked {
  if (asked === undefined)
    throw new HoldfastError('recovery-unknown', `no recovery '${recoveryId}' was asked for here`);
  if (asked.error_message !== null)
    throw new HoldfastError(
      asked.error_code === 'approval-expired' ? 'approval-expired' : 'approval-refused',
      `recovery '${recoveryId}' waits no more: ${asked.error_message}`,
    );
  if (!asked.is_undecided)
    throw new HoldfastError('approval-refused', `recovery '${recoveryId}' waits for no approval`);
  return asked;
}

const find = `
  select request.requested_by, request.machine, request.is_undecided, known.tenant,
         coalesce(request.error_code, ending.error_code) as error_code,
         coalesce(request.error_message, ending.error_message) as error_message
  from holdfast.request as request
  left join holdfast.tenant as known on known.tenant_hk = request.tenant_hk
  left join backup_mgmt.recovery_operation_s as ending
    on ending.recovery_hk = sha256(convert_to(request.request_bk, 'UTF8')) and ending.load_end_date is null
  where request.request_bk = $1::text and request.kind = 'recovery'
  for update of request`;
