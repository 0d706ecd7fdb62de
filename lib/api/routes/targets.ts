import * as z from 'zod';
import type { Execution } from '../../catalog/queries/execution-columns.ts';
import { requireTarget, type Target } from '../../config/config.ts';
import { backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import type { RestorablePoints } from '../../core/restorable-points.ts';
import { endedValidationStatusSchema, engineSchema } from '../../core/vocabulary.ts';
import { readRestorablePoints } from '../../lifecycle/restorable-points.ts';
import { requireCatalog } from '../catalog.ts';
import { type Call, route } from '../route.ts';
import { backupSchema } from '../schemas.ts';
import { timeSchema } from '../time.ts';

const pointSchema = z
  .strictObject({ at: timeSchema, backupId: backupIdSchema, ageSeconds: z.number().int() })
  .meta({ id: 'RestorablePoint' });

const targetSchema = z
  .strictObject({
    name: targetNameSchema,
    engine: engineSchema,
    rtoMinutes: z.number(),
    rpoHours: z.number(),
    schedules: z.array(z.string()).describe('Their names'),
    lastBackup: backupSchema.nullable().describe('The newest complete backup'),
    restorable: pointSchema
      .nullable()
      .describe(
        'The newest point whose backup is complete and not known to be bad; with a log that is received, as far as that goes on from one',
      ),
    verified: pointSchema.nullable().describe('The newest point that a restore test has brought back'),
    lastRestoreTest: z
      .strictObject({
        validationId: backupIdSchema,
        backupId: backupIdSchema,
        status: endedValidationStatusSchema,
        endedAt: timeSchema,
        rtoSeconds: z.number().nullable(),
        bytesPerSecond: z.number().nullable(),
        error: z.string().nullable(),
      })
      .nullable(),
    late: z
      .array(z.strictObject({ code: z.string(), message: z.string() }))
      .readonly()
      .describe('What is late or wrong with it, by its objectives'),
  })
  .meta({ id: 'Target' });

export const targetRoutes = [
  route({
    method: 'GET',
    path: '/targets',
    operationId: 'listTargets',
    tag: 'targets',
    summary: 'The configured targets, each with what can be brought back of it',
    answer: {
      status: 200,
      description: 'All of them, in the order of the configuration',
      schema: z.strictObject({ targets: z.array(targetSchema) }).meta({ id: 'TargetList' }),
    },
    errors: ['catalog-unavailable'],
    run: async (call) => {
      const known = await lookUp(call);
      return { value: { targets: call.config.targets.map((target) => overviewOf(target, known)) } };
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
      return { value: overviewOf(target, await lookUp(call)) };
    },
  }),
];

type Known = { readonly newest: readonly Execution[]; readonly points: readonly RestorablePoints[] };

async function lookUp(call: Call<unknown, unknown, unknown>): Promise<Known> {
  const newest = await requireCatalog(call).lastCompleted();
  const { targets } = await readRestorablePoints({ ...call, warn: (message) => call.log.warn(message) });
  return { newest, points: targets };
}

function overviewOf(
  { name, engine, rtoMinutes, rpoHours, backups }: Target,
  { newest, points }: Known,
): z.infer<typeof targetSchema> {
  const [lastBackup] = newest
    .filter(({ target }) => target === name)
    .toSorted((a, b) => (b.endTime ?? '').localeCompare(a.endTime ?? ''));
  const schedules = backups.map((entry) => entry.name);
  const {
    restorable = null,
    verified = null,
    lastRestoreTest = null,
    late = [],
  } = points.find(({ target }) => target === name) ?? {};
  return {
    name,
    engine,
    rtoMinutes,
    rpoHours,
    schedules,
    lastBackup: lastBackup ?? null,
    restorable,
    verified,
    lastRestoreTest,
    late,
  };
}
