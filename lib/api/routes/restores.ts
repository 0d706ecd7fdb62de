import * as z from 'zod';
import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import { type RestoreRequest, restoreRequestSchema } from '../../core/requests.ts';
import { protectSource } from '../../lifecycle/protect-source.ts';
import { machineOfRestore, startRestore } from '../../lifecycle/start.ts';
import { findBackup } from '../../store/backups.ts';
import { requireCatalog } from '../catalog.ts';
import { claimKey } from '../idempotency.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { restoreSchema } from '../schemas.ts';
import { timePositionSchema, timeQuerySchema } from '../time.ts';
import { runLocation, runNamed, runSchema } from './runs.ts';

const positionSchema = z.strictObject({ startTime: timePositionSchema, recoveryId: backupIdSchema });
const nameSchema = z.string().min(1).max(63);

/** What a caller may say of a restore. */
export const restoreRequestBody = restoreRequestSchema.omit({ requestedBy: true, needsApproval: true }).extend({
  databases: z.array(nameSchema).min(1).max(1000).optional(),
  as: z.string().min(1).max(4096).optional().describe("A database's name, or the folder for a tree or a whole cluster"),
});
const requestSchema = restoreRequestBody.meta({ id: 'RestoreRequest' });

export const restoreRoutes = [
  route({
    method: 'GET',
    path: '/restores',
    operationId: 'listRestores',
    tag: 'restores',
    summary: 'Restores as the catalog knows them, newest first',
    query: z.strictObject({
      target: targetNameSchema.optional(),
      since: timeQuerySchema.optional().describe('Began at this time or later'),
      ...pageSchema,
    }),
    answer: {
      status: 200,
      description: 'A page of them',
      schema: z.strictObject({ restores: z.array(restoreSchema), next: nextSchema }).meta({ id: 'RestorePage' }),
    },
    errors: ['catalog-unavailable'],
    run: async (call) => {
      const { limit = defaultLimit, cursor, ...filter } = call.query;
      const after = positionOf(cursor, positionSchema);
      const found = await requireCatalog(call).recoveries({ ...filter, after, limit: limit + 1 });
      const restores = found.slice(0, limit);
      const last = found.length > limit ? restores.at(-1) : undefined;
      const next = last === undefined ? null : cursorOf({ startTime: last.startTime, recoveryId: last.recoveryId });
      return { value: { restores: [...restores], next } };
    },
  }),
  route({
    method: 'GET',
    path: '/restores/{recoveryId}',
    operationId: 'getRestore',
    tag: 'restores',
    summary: 'One restore',
    params: z.strictObject({ recoveryId: backupIdSchema }),
    answer: { status: 200, description: 'The restore', schema: restoreSchema },
    errors: ['recovery-unknown', 'catalog-unavailable'],
    run: async (call) => {
      const { recoveryId } = call.params;
      const [found] = await requireCatalog(call).recoveries({ recoveryId, limit: 1 });
      if (found === undefined) throw new HoldfastError('recovery-unknown', `no recovery is called '${recoveryId}'`);
      return { value: found };
    },
  }),
  route({
    method: 'POST',
    path: '/restores',
    operationId: 'createRestore',
    tag: 'restores',
    summary: 'Restores a backup, and compares the copy with it',
    description:
      'It is started, and goes on by itself: ask GET /runs for how it goes. With a point it is a recovery, and so is one into a target that demands approval.',
    body: requestSchema,
    answer: { status: 202, description: 'It was started', schema: runSchema },
    errors: ['backup-unknown', 'target-unknown', 'target-protected', 'idempotency-key-reused'],
    run: async (call) => {
      const { config, body, store, key, caller, clock } = call;
      const backup = await findBackup(store, body);
      const kind = machineOfRestore(body, requireTarget(config, body.into ?? backup.target));
      protectSource(body, backup.target);
      const wish = { key, caller: caller.name, operation: 'createRestore', request: body };
      const claim = await claimKey(store, wish, clock());
      const request: RestoreRequest = { ...body, target: backup.target, requestedBy: caller };
      const { name } = await startRestore(call.executions, { kind, machine: call.runtime.machines[kind] }, request, {
        at: claim.at,
        tail: claim.id.slice(0, 8),
      });
      return { value: await runNamed(call, kind, name), headers: { location: runLocation(kind, name) } };
    },
  }),
];
