import { z } from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupId, backupIdSchema, newOperationId } from '../../core/ids.ts';
import { queueRecovery } from '../../lifecycle/request-recovery.ts';
import { requireCatalog } from '../catalog.ts';
import { claimKey } from '../idempotency.ts';
import { type Call, route } from '../route.ts';
import { restoreSchema } from '../schemas.ts';
import { restoreRequestBody } from './restores.ts';

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
      'It is a restore that runs when it may: GET /restores/{recoveryId} says how it stands. What nobody approves within recovery.approvalHours is given up.',
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
      await requireCatalog(call).approveRecovery(approval);
      return { value: await recoveryNamed(call, recoveryId) };
    },
  }),
];

async function recoveryNamed(
  call: Call<unknown, unknown, unknown>,
  recoveryId: BackupId,
): Promise<z.infer<typeof restoreSchema>> {
  const [found] = await requireCatalog(call).recoveries({ recoveryId, limit: 1 });
  if (found === undefined) throw new HoldfastError('recovery-unknown', `no recovery is called '${recoveryId}'`);
  return found;
}
