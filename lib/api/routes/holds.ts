import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupId, backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import type { HoldOutcome, HoldRequest } from '../../lifecycle/hold-backup.ts';
import { invokeFunction } from '../../lifecycle/invoke-function.ts';
import { findBackup } from '../../store/backups.ts';
import { type Call, route } from '../route.ts';

const byId = z.strictObject({ backupId: backupIdSchema });
const reasonSchema = z.string().min(1).max(1000);

const holdSchema = z
  .strictObject({
    backupId: backupIdSchema,
    target: targetNameSchema,
    isHeld: z.boolean(),
    reason: z.string(),
    wasHeld: z.boolean(),
    legalHold: z
      .enum(['set', 'none', 'later'])
      .describe("The store's own legal hold: `later` is by the next cleanup, `none` where the store has no such thing"),
    isBeingRemoved: z
      .boolean()
      .describe(
        'A cleanup had begun to remove it: it stays if GET /backups still finds its manifest when that has ended',
      ),
  })
  .meta({ id: 'Hold' });

const errors = ['backup-unknown', 'manifest-newer', 'manifest-unreadable', 'function-unavailable'] as const;

export const holdRoutes = [
  route({
    method: 'PUT',
    path: '/backups/{backupId}/hold',
    operationId: 'holdBackup',
    tag: 'backups',
    summary: 'Holds a backup: whatever its age, no cleanup removes it until it is released',
    description: 'It counts from now on. Holding what is held gives it the new reason.',
    params: byId,
    body: z.strictObject({ reason: reasonSchema }).meta({ id: 'HoldRequest' }),
    changes: false,
    answer: { status: 200, description: 'It is held', schema: holdSchema },
    errors,
    run: async (call) => ({
      value: await change(call, call.params.backupId, { isHeld: true, reason: call.body.reason }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/backups/{backupId}/hold',
    operationId: 'releaseBackup',
    tag: 'backups',
    summary: 'Releases a backup: it goes when the other rules let it, at the next cleanup',
    description: 'Releasing what nobody holds changes nothing.',
    params: byId,
    query: z.strictObject({ reason: reasonSchema.optional().describe('For the audit trail') }),
    changes: false,
    answer: { status: 200, description: 'Nobody holds it', schema: holdSchema },
    errors,
    run: async (call) => {
      const { reason = 'no reason was given' } = call.query;
      return { value: await change(call, call.params.backupId, { isHeld: false, reason }) };
    },
  }),
];

async function change(
  { store, lambda, runtime, caller }: Call<unknown, unknown, unknown>,
  backupId: BackupId,
  asked: { readonly isHeld: boolean; readonly reason: string },
): Promise<z.infer<typeof holdSchema>> {
  const { target } = await findBackup(store, { backup: backupId });
  if (runtime.holdFunction === undefined)
    throw new HoldfastError('internal', 'the function that holds backups is not known here');
  const request: HoldRequest = { ...asked, target, id: backupId, by: caller };
  const outcome = (await invokeFunction(lambda, runtime.holdFunction, request)) as HoldOutcome;
  return { backupId, target, ...asked, ...outcome };
}
