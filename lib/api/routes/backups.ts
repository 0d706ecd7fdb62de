import * as z from 'zod';
import type { ExecutionStage } from '../../catalog/queries/show-execution.ts';
import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import { type Manifest, manifestSchema } from '../../core/manifest.ts';
import { type BackupRequest, backupRequestSchema } from '../../core/requests.ts';
import { backupStatusSchema, methodSchema, tierSchema } from '../../core/vocabulary.ts';
import { invokeFunction } from '../../lifecycle/invoke-function.ts';
import { startBackup } from '../../lifecycle/start.ts';
import { findBackup, readManifest } from '../../store/backups.ts';
import { requireCatalog } from '../catalog.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimKey } from '../idempotency.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { backupSchema, stageSchema } from '../schemas.ts';
import { timePositionSchema, timeQuerySchema } from '../time.ts';
import { runLocation, runNamed, runSchema } from './runs.ts';

const positionSchema = z.strictObject({ startTime: timePositionSchema, backupId: backupIdSchema });
const byId = z.strictObject({ backupId: backupIdSchema });

export const backupRoutes = [
  route({
    method: 'GET',
    path: '/backups',
    operationId: 'listBackups',
    tag: 'backups',
    summary: 'Backups as the catalog knows them, newest first: failed and running ones too',
    query: z.strictObject({
      target: targetNameSchema.optional(),
      status: backupStatusSchema.optional(),
      tier: tierSchema.optional(),
      method: methodSchema.optional(),
      since: timeQuerySchema.optional().describe('Began at this time or later'),
      until: timeQuerySchema.optional().describe('Began before this time'),
      ...pageSchema,
    }),
    answer: {
      status: 200,
      description: 'A page of them',
      schema: z.strictObject({ backups: z.array(backupSchema), next: nextSchema }).meta({ id: 'BackupPage' }),
    },
    errors: ['catalog-unavailable'],
    run: async (call) => {
      const { limit = defaultLimit, cursor, ...filter } = call.query;
      const after = positionOf(cursor, positionSchema);
      const found = await requireCatalog(call).list({ ...filter, after, limit: limit + 1 });
      const backups = found.slice(0, limit);
      const last = found.length > limit ? backups.at(-1) : undefined;
      const next = last === undefined ? null : cursorOf({ startTime: last.startTime, backupId: last.backupId });
      return { value: { backups: [...backups], next } };
    },
  }),
  route({
    method: 'GET',
    path: '/backups/{backupId}',
    operationId: 'getBackup',
    tag: 'backups',
    summary: 'One backup: its manifest, from the store, and its stages, from the catalog',
    description: 'A backup without a manifest was never published. Without a catalog the stages are null.',
    params: byId,
    answer: {
      status: 200,
      description: 'What is known of it',
      schema: z
        .strictObject({
          backupId: backupIdSchema,
          manifest: manifestSchema.nullable(),
          stages: z.array(stageSchema).nullable(),
        })
        .meta({ id: 'BackupDetail' }),
    },
    errors: ['backup-unknown', 'manifest-newer', 'manifest-unreadable'],
    run: async (call) => {
      const { backupId } = call.params;
      const [manifest, stages] = await Promise.all([manifestIn(call, backupId), stagesOf(call, backupId)]);
      if (manifest === null && (stages === null || stages.length === 0))
        throw new HoldfastError('backup-unknown', `no backup is called '${backupId}'`);
      return { value: { backupId, manifest, stages: stages === null ? null : [...stages] } };
    },
  }),
  route({
    method: 'POST',
    path: '/backups',
    operationId: 'createBackup',
    tag: 'backups',
    summary: 'Takes a backup now',
    description: 'It is started, and goes on by itself: ask GET /runs for how it goes.',
    body: backupRequestSchema
      .pick({ target: true, method: true, tier: true, from: true })
      .meta({ id: 'BackupRequest' }),
    answer: { status: 202, description: 'It was started', schema: runSchema },
    errors: ['target-unknown', 'idempotency-key-reused'],
    run: async (call) => {
      const { config, body, store, key, caller, clock } = call;
      requireTarget(config, body.target);
      const claim = await claimKey(
        store,
        { key, caller: caller.name, operation: 'createBackup', request: body },
        clock(),
      );
      const request: BackupRequest = { ...body, requestedBy: caller };
      const { name } = await startBackup(call.executions, call.runtime.machines.backup, request, {
        at: claim.at,
        tail: claim.id.slice(0, 8),
      });
      return { value: await runNamed(call, 'backup', name), headers: { location: runLocation('backup', name) } };
    },
  }),
  route({
    method: 'POST',
    path: '/backups/{backupId}/validations',
    operationId: 'validateBackup',
    tag: 'backups',
    summary: 'Reads a backup back from the store, decrypts, decompresses and parses it, and waits for the outcome',
    description:
      'Every byte of a backup of up to 512 MiB, the sizes of all objects and the beginning of every stream of a larger one. What was found is kept with the backup, as after `holdfast validate`.',
    params: byId,
    changes: false,
    answer: {
      status: 200,
      description: 'It is valid',
      schema: z
        .strictObject({
          backupId: backupIdSchema,
          target: targetNameSchema,
          status: z.enum(['complete', 'partial']),
          depth: z.enum(['full', 'sample']),
          objects: z.number().int(),
          plainBytes: z.number().int(),
          storedBytes: z.number().int(),
          readBytes: z.number().int(),
          seconds: z.number(),
        })
        .meta({ id: 'Validation' }),
    },
    errors: ['backup-unknown', 'corrupt', 'object-missing', 'key-missing', 'key-wrong', 'function-unavailable'],
    run: async ({ params: { backupId }, store, lambda, runtime, caller }) => {
      const { target } = await findBackup(store, { backup: backupId });
      const validate = runtime.validateFunction;
      if (validate === undefined) throw new HoldfastError('internal', 'the validating function is not known here');
      const asked = { run: { backupId, target, requestedBy: caller }, isOfItsRun: false };
      return { value: (await invokeFunction(lambda, validate, asked)) as never };
    },
  }),
];

async function manifestIn(
  { store }: ApiDependencies,
  backupId: z.infer<typeof backupIdSchema>,
): Promise<Manifest | null> {
  try {
    const found = await findBackup(store, { backup: backupId });
    return await readManifest(store, found.target, found.id);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'backup-unknown') return null;
    throw error;
  }
}

/** What the store has is told though the catalog is down. */
async function stagesOf(
  { catalog, log }: ApiDependencies,
  backupId: z.infer<typeof backupIdSchema>,
): Promise<readonly ExecutionStage[] | null> {
  try {
    return (await catalog?.show(backupId)) ?? null;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'catalog-unavailable') throw error;
    log.warn(error.message);
    return null;
  }
}
