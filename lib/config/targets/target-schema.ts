import * as z from 'zod';
import { targetNameSchema, tenantNameSchema } from '../../core/ids.ts';
import { type EngineName, type Format, type Method, tierSchema } from '../../core/vocabulary.ts';
import { retentionRulesSchema, retentionSchema } from '../retention.ts';
import { scheduleSchema, timezoneSchema } from '../schedule-schema.ts';

/** The methods of an engine and the formats of each: the first method, and the first format of a method, are what is taken when nothing is said. */
export type MethodTable = Readonly<Partial<Record<Method, readonly [Format, ...Format[]]>>>;

/**
 * Methods whose backups build on earlier ones, and by which methods those are: the newest of any of them is the parent. The first such method
 * is what an incremental backup is when nobody says which.
 */
export type ParentTable = Readonly<Partial<Record<Method, readonly Method[]>>>;

/** What an engine adds to the configuration: how its targets are reached, how they are backed up, and settings of its own. */
type EngineTarget<
  Name extends EngineName,
  Methods extends MethodTable,
  Connection extends z.ZodType,
  RestoreTest extends z.ZodType,
  Own extends z.ZodRawShape,
> = {
  readonly engine: Name;
  readonly connection: Connection;
  readonly methods: Methods;
  readonly about: { readonly method: string; readonly format: string; readonly backups: string };
  readonly restoreTest: RestoreTest;
  readonly own: Own;
};

/** The schema of one engine's targets. What every target has stands here. */
export function targetSchemaOf<
  Name extends EngineName,
  const Methods extends MethodTable,
  Connection extends z.ZodType,
  RestoreTest extends z.ZodType,
  Own extends z.ZodRawShape,
>({ engine, connection, methods, about, restoreTest, own }: EngineTarget<Name, Methods, Connection, RestoreTest, Own>) {
  const names = Object.keys(methods) as [Method, ...Method[]];
  const formats = [...new Set(Object.values(methods).flat())] as [Format, ...Format[]];
  const entrySchema = z
    .strictObject({
      tier: tierSchema.exclude(['manual']),
      method: z.enum(names).default(names[0]).describe(about.method),
      format: z.enum(formats).optional().describe(about.format),
      schedule: scheduleSchema,
      timezone: timezoneSchema,
      retention: retentionSchema
        .optional()
        .describe("How long to keep it, e.g. 7d, 4w, 7y; the tier's own when left out"),
      enabled: z.boolean().default(true).describe('false: known, and never run by its schedule'),
    })
    .superRefine(({ method, format }, context) => {
      const allowed: readonly Format[] = methods[method] ?? [];
      if (format === undefined || allowed.includes(format)) return;
      const message = `a ${method} backup has no format '${format}'; it has ${allowed.join(', ')}`;
      context.addIssue({ code: 'custom', path: ['format'], message });
    });
  return z.strictObject({
    name: targetNameSchema,
    engine: z.literal(engine),
    tenant: tenantNameSchema
      .optional()
      .describe('Whose it is: in the catalog, a tenant sees and requests its own targets only. Left out, system-wide'),
    connection,
    backups: z.array(entrySchema).min(1).superRefine(checkEntriesDiffer).optional().describe(about.backups),
    ...own,
    retention: retentionRulesSchema
      .optional()
      .describe('As retention, for this target alone; what is left out is taken from there'),
    rtoMinutes: z.number().int().positive().optional().describe('Recovery time objective of this target'),
    rpoHours: z.number().positive().optional().describe('Recovery point objective of this target'),
    recoveryApproval: z
      .boolean()
      .optional()
      .describe(
        'true: whatever the state machines restore into this target waits for the approval of a second person, whoever asks for it and however',
      ),
    restoreTest,
  });
}

function checkEntriesDiffer(
  entries: readonly { readonly tier: string; readonly method: Method }[],
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [index, { tier, method }] of entries.entries()) {
    if (seen.has(`${tier} ${method}`)) {
      context.addIssue({
        code: 'custom',
        path: [index, 'tier'],
        message: `a second ${tier} ${method} backup of one target`,
      });
    }
    seen.add(`${tier} ${method}`);
  }
}
