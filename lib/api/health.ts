import * as z from 'zod';
import { checkStatusSchema, healthReportSchema, watchStateSchema } from '../core/health.ts';
import { targetNameSchema } from '../core/ids.ts';
import { healthKeys } from '../core/object-keys.ts';
import { firstCommand, problemKinds, runbookOf } from '../core/problem-kinds.ts';
import { readDocument } from '../store/document.ts';
import { holdfastVersion } from '../version.ts';
import type { FigureSources } from './figures.ts';
import { timeSchema } from './time.ts';

/** What `/health` answers: the last health check, and the problems that are open now. */
export const healthSchema = z
  .strictObject({
    status: checkStatusSchema.describe('unknown before the first check'),
    version: z.string(),
    store: z.string(),
    checkedAt: timeSchema.nullable(),
    watchedAt: timeSchema.nullable(),
    checks: z.array(z.strictObject({ check: z.string(), status: checkStatusSchema, message: z.string() })).readonly(),
    problems: z
      .array(
        z.strictObject({
          problem: z.string(),
          kind: z.string(),
          severity: z.enum(['critical', 'warning']),
          target: targetNameSchema.nullable(),
          message: z.string(),
          impact: z.string(),
          first: z.string().describe('The first command'),
          runbook: z.string(),
          since: timeSchema,
        }),
      )
      .readonly(),
  })
  .meta({ id: 'Health' });
export type HealthAnswer = z.infer<typeof healthSchema>;

/** What the watch and the health check have left in the store: cheap enough to be asked every few seconds. */
export async function healthOf({ store }: Pick<FigureSources, 'store'>): Promise<HealthAnswer> {
  const [{ value: report }, { value: watched }] = await Promise.all([
    readDocument(store, healthKeys.report, healthReportSchema),
    readDocument(store, healthKeys.watch, watchStateSchema),
  ]);
  const open = watched?.open ?? [];
  return {
    status: open.length > 0 ? 'problem' : (report?.status ?? 'unknown'),
    version: holdfastVersion,
    store: store.url,
    checkedAt: report?.at ?? null,
    watchedAt: watched?.at ?? null,
    checks: report?.checks ?? [],
    problems: open.map(({ id, kind, target, message, since }) => ({
      problem: id,
      kind,
      severity: problemKinds[kind].severity,
      target,
      message,
      impact: problemKinds[kind].impact,
      first: firstCommand(kind, target ?? undefined),
      runbook: runbookOf(kind),
      since,
    })),
  };
}
