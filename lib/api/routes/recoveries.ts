import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupId, backupIdSchema, newOperationId } from '../../core/ids.ts';
import { queueRecovery } from '../../lifecycle/request-recovery.ts';
import { requireCatalog } from '../catalog.ts';
import { claimKey } from '../idempotency.ts';
import { type Call, route } from '../route.ts';
import { restoreSchema } from '../schemas.ts';
import { restoreRequestBody } from './restores.ts';
import { runNamed } from './runs.ts';

const requestSchema = restoreRequestBody
  .extend({
    approvalRequired: z.boolean().default(true).describe('Does a second person have to approve it before it runs?'),
  })
  .meta({ id: 'RecoveryRequest' });

export const recoveryRoutes = [
  route({
    method: 'POST',
    path: '/recoveries',
    operationId: 'createRecovery',
    tag: 'restores',
    summary: 'Asks for a recovery, which waits until a second person has approved it',
    description:
      'Its execution begins at once, and waits for the approval: GET /restores/{recoveryId} says how it stands. What nobody approves within recovery.approvalHours is given up.',
    body: requestSchema,
    answer: { status: 202, description: 'It is queued', schema: restoreSchema },
    errors: [
      'backup-unknown',
      'target-unknown',
      'target-protected',
      'point-unreachable',
      'idempotency-key-reused',
      'catalog-unavailable',
    ],
    run: async (call) => {
      const { approvalRequired, ...wanted } = call.body;
      const catalog = requireCatalog(call);
      const wish = { key: call.key, caller: call.caller.name, operation: 'createRecovery', request: call.body };
      const { id, at } = await claimKey(call.store, wish, call.clock());
      const recoveryId = newOperationId(at, id.slice(0, 8));
      const request = { ...wanted, requestedBy: call.caller };
      await queueRecovery({ ...call, catalog }, { request, recoveryId, at, needsApproval: approvalRequired });
      return { value: await recoveryNamed(call, recoveryId), headers: { location: `restores/${recoveryId}` } };
    },
  }),
  route({
    method: 'POST',
    path: '/recoveries/{recoveryId}/approval',
    operationId: 'approveRecovery',
    tag: 'restores',
    summary: 'Approves a recovery that somebody else has asked for: it runs',
    params: z.strictObject({ recoveryId: backupIdSchema }),
    changes: false,
    answer: { status: 202, description: 'It is approved, and begins within a minute', schema: restoreSchema },
    errors: ['recovery-unknown', 'approval-expired', 'approval-refused', 'catalog-unavailable'],
    run: async (call) => {
      const { recoveryId } = call.params;
      const approval = { recoveryId, approvedBy: call.caller, approvedAt: call.clock().toISOString() };
      await requireAlive(call, recoveryId);
      await requireCatalog(call).approveRecovery(approval);
      return { value: await recoveryNamed(call, recoveryId) };
    },
  }),
  route({
    method: 'POST',
    path: '/recoveries/{recoveryId}/refusal',
    operationId: 'refuseRecovery',
    tag: 'restores',
    summary: 'Refuses a recovery that waits for approval: it ends, and does not run',
    description: 'Anybody may, and so takes back what was asked for by themselves.',
    params: z.strictObject({ recoveryId: backupIdSchema }),
    body: z
      .strictObject({
        reason: z.string().min(1).max(1000).optional().describe('For whoever asked, and for the record'),
      })
      .meta({ id: 'Refusal' }),
    changes: false,
    answer: { status: 202, description: 'It is refused, and ends within a minute', schema: restoreSchema },
    errors: ['recovery-unknown', 'approval-expired', 'approval-refused', 'catalog-unavailable'],
    run: async (call) => {
      const { recoveryId } = call.params;
      const refusal = { recoveryId, refusedBy: call.caller, refusedAt: call.clock().toISOString(), ...call.body };
      await requireAlive(call, recoveryId);
      await requireCatalog(call).refuseRecovery(refusal);
      return { value: await recoveryNamed(call, recoveryId) };
    },
  }),
];

/** The execution that waits; one that has ended since can be told nothing. Throws `approval-refused`. */
async function requireAlive(call: Call<unknown, unknown, unknown>, recoveryId: BackupId): Promise<void> {
  const { execution, status } = await recoveryNamed(call, recoveryId);
  if (status !== 'REQUESTED' || execution === null || call.runtime.machines.recovery === undefined) return;
  const state = await runNamed(call, 'recovery', execution).then(
    (run) => run.status,
    (error: unknown) => {
      // Not started yet: it finds the decision when it asks for it.
      if (error instanceof HoldfastError && error.code === 'run-unknown') return undefined;
      throw error;
    },
  );
  if (state === undefined || state === 'RUNNING') return;
  throw new HoldfastError(
    'approval-refused',
    `recovery '${recoveryId}' waits no more: its execution '${execution}' has ended as ${state}`,
    { hint: 'ask for it again' },
  );
}

async function recoveryNamed(
  call: Call<unknown, unknown, unknown>,
  recoveryId: BackupId,
): Promise<z.infer<typeof restoreSchema>> {
  const [found] = await requireCatalog(call).recoveries({ recoveryId, limit: 1 });
  if (found === undefined) throw new HoldfastError('recovery-unknown', `no recovery is called '${recoveryId}'`);
  return found;
}
