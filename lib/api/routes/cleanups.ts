import * as z from 'zod';
import { requireTarget } from '../../config/config.ts';
import { type CleanupRequest, cleanupRequestSchema } from '../../core/cleanup.ts';
import { type CleanupPlan, plannedDecisionSchema, plannedLogSchema } from '../../core/cleanup-plan.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupId, backupIdSchema } from '../../core/ids.ts';
import { readPlan } from '../../lifecycle/cleanup/plan-document.ts';
import { startCleanup } from '../../lifecycle/start.ts';
import type { Store } from '../../store/store.ts';
import { claimKey } from '../idempotency.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { timeSchema } from '../time.ts';
import { runLocation, runNamed, runSchema } from './runs.ts';

const positionSchema = z.number().int().nonnegative();

export const cleanupRoutes = [
  route({
    method: 'POST',
    path: '/cleanups',
    operationId: 'createCleanup',
    tag: 'cleanups',
    summary: 'Removes backups whose time is over, or says with `dryRun` what would be removed and why',
    description:
      "It is started, and goes on by itself: ask GET /runs for how it goes. When that has ended well, its `operation` is the cleanup's id.",
    body: cleanupRequestSchema.omit({ requestedBy: true }).meta({ id: 'CleanupRequest' }),
    answer: { status: 202, description: 'It was started', schema: runSchema },
    errors: ['target-unknown', 'idempotency-key-reused'],
    run: async (call) => {
      const { config, body, store, key, caller, clock } = call;
      if (body.target !== undefined) requireTarget(config, body.target);
      const wish = { key, caller: caller.name, operation: 'createCleanup', request: body };
      const claim = await claimKey(store, wish, clock());
      const request: CleanupRequest = { ...body, requestedBy: caller };
      const { name } = await startCleanup(call.executions, call.runtime.machines.cleanup, request, {
        at: claim.at,
        tail: claim.id.slice(0, 8),
      });
      return { value: await runNamed(call, 'cleanup', name), headers: { location: runLocation('cleanup', name) } };
    },
  }),
  route({
    method: 'GET',
    path: '/cleanups/{cleanupId}',
    operationId: 'getCleanup',
    tag: 'cleanups',
    summary: 'What a cleanup decided, backup by backup, each with its reason',
    description: 'The first page says of all of them how many go and what that frees.',
    params: z.strictObject({ cleanupId: backupIdSchema }),
    query: z.strictObject({
      verdict: z.enum(['keep', 'delete']).optional().describe('Only those that stay, or that go'),
      ...pageSchema,
    }),
    answer: {
      status: 200,
      description: 'A page of its decisions, in the order of the plan',
      schema: z
        .strictObject({
          cleanupId: backupIdSchema,
          plannedAt: timeSchema,
          backups: z.number().int().describe('How many were decided upon'),
          toDelete: z.number().int(),
          bytesToFree: z.number().int(),
          decisions: z.array(plannedDecisionSchema),
          logs: z.array(plannedLogSchema).describe('What becomes of write-ahead logs, timeline by timeline'),
          notes: z.array(z.string()).describe('What could not be read, and was left alone'),
          next: nextSchema,
        })
        .meta({ id: 'Cleanup' }),
    },
    errors: ['cleanup-unknown', 'corrupt'],
    run: async ({ store, params: { cleanupId }, query: { verdict, limit = defaultLimit, cursor } }) => {
      const { plannedAt, decisions, logs, notes } = await planOf(store, cleanupId);
      const from = positionOf(cursor, positionSchema) ?? 0;
      const going = decisions.filter((decision) => decision.verdict === 'delete');
      const asked = verdict === undefined ? decisions : decisions.filter((decision) => decision.verdict === verdict);
      return {
        value: {
          cleanupId,
          plannedAt,
          backups: decisions.length,
          toDelete: going.length,
          bytesToFree: [...going, ...logs.filter((part) => part.verdict === 'delete')].reduce(
            (sum, { storedBytes }) => sum + storedBytes,
            0,
          ),
          decisions: asked.slice(from, from + limit),
          logs: logs.filter((part) => verdict === undefined || part.verdict === verdict),
          notes,
          next: from + limit < asked.length ? cursorOf(from + limit) : null,
        },
      };
    },
  }),
];

async function planOf(store: Store, cleanupId: BackupId): Promise<CleanupPlan> {
  try {
    return await readPlan(store, cleanupId);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'object-missing') throw error;
    throw new HoldfastError('cleanup-unknown', `no cleanup is called '${cleanupId}'`, { cause: error });
  }
}
