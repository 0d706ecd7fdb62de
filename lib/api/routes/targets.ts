import { z } from 'zod';
import type { Execution } from '../../catalog/queries/execution-columns.ts';
import { requireTarget, type Target } from '../../config/config.ts';
import { targetNameSchema } from '../../core/ids.ts';
import { engineSchema } from '../../core/vocabulary.ts';
import { requireCatalog } from '../catalog.ts';
import { route } from '../route.ts';
import { backupSchema } from '../schemas.ts';

const targetSchema = z
  .strictObject({
    name: targetNameSchema,
    engine: engineSchema,
    rtoMinutes: z.number(),
    rpoHours: z.number(),
    schedules: z.array(z.string()).describe('Their names'),
    lastBackup: backupSchema
      .nullable()
      .describe('The newest complete backup: the last point to which it can be restored'),
  })
  .meta({ id: 'Target' });

export const targetRoutes = [
  route({
    method: 'GET',
    path: '/targets',
    operationId: 'listTargets',
    tag: 'targets',
    summary: 'The configured targets, each with its newest complete backup',
    answer: {
      status: 200,
      description: 'All of them, in the order of the configuration',
      schema: z.strictObject({ targets: z.array(targetSchema) }).meta({ id: 'TargetList' }),
    },
    errors: ['catalog-unavailable'],
    run: async (call) => {
      const newest = await requireCatalog(call).lastCompleted();
      return { value: { targets: call.config.targets.map((target) => overviewOf(target, newest)) } };
    },
  }),
  route({
    method: 'GET',
    path: '/targets/{target}',
    operationId: 'getTarget',
    tag: 'targets',
    summary: 'One target',
    params: z.strictObject({ target: targetNameSchema }),
    answer: { status: 200, description: 'The target', schema: targetSchema },
    errors: ['target-unknown', 'catalog-unavailable'],
    run: async (call) => {
      const target = requireTarget(call.config, call.params.target);
      return { value: overviewOf(target, await requireCatalog(call).lastCompleted()) };
    },
  }),
];

function overviewOf(
  { name, engine, rtoMinutes, rpoHours, backups }: Target,
  newest: readonly Execution[],
): z.infer<typeof targetSchema> {
  const [lastBackup] = newest
    .filter(({ target }) => target === name)
    .toSorted((a, b) => (b.endTime ?? '').localeCompare(a.endTime ?? ''));
  const schedules = backups.map((entry) => entry.name);
  return { name, engine, rtoMinutes, rpoHours, schedules, lastBackup: lastBackup ?? null };
}
