import * as z from 'zod';
import { backupIdSchema, targetNameSchema } from '../../core/ids.ts';
import { validationStatusSchema, validationTypeSchema } from '../../core/vocabulary.ts';
import { requireCatalog } from '../catalog.ts';
import { cursorOf, defaultLimit, nextSchema, pageSchema, positionOf } from '../page.ts';
import { route } from '../route.ts';
import { validationResultSchema } from '../schemas.ts';
import { timePositionSchema, timeQuerySchema } from '../time.ts';

const positionSchema = z.strictObject({ at: timePositionSchema, validationId: backupIdSchema });

export const validationRoutes = [
  route({
    method: 'GET',
    path: '/validations',
    operationId: 'listValidations',
    tag: 'validations',
    summary: 'Looks that were taken at backups, newest first: after each run, on demand, and restore tests',
    query: z.strictObject({
      target: targetNameSchema.optional(),
      backup: backupIdSchema.optional(),
      type: validationTypeSchema.optional(),
      status: validationStatusSchema.optional(),
      since: timeQuerySchema.optional().describe('Ended, or began when it has not, at this time or later'),
      ...pageSchema,
    }),
    answer: {
      status: 200,
      description: 'A page of them',
      schema: z
        .strictObject({ validations: z.array(validationResultSchema), next: nextSchema })
        .meta({ id: 'ValidationPage' }),
    },
    errors: ['catalog-unavailable'],
    run: async (call) => {
      const { limit = defaultLimit, cursor, backup: backupId, ...filter } = call.query;
      const after = positionOf(cursor, positionSchema);
      const found = await requireCatalog(call).validations({ ...filter, backupId, after, limit: limit + 1 });
      const validations = found.slice(0, limit);
      const last = found.length > limit ? validations.at(-1) : undefined;
      const next =
        last === undefined ? null : cursorOf({ at: last.endTime ?? last.startTime, validationId: last.validationId });
      return { value: { validations: [...validations], next } };
    },
  }),
];
