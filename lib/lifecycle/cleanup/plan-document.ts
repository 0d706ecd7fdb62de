import * as z from 'zod';
import { type CleanupPlan, cleanupPlanSchema } from '../../core/cleanup-plan.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupId } from '../../core/ids.ts';
import { cleanupPlanKey } from '../../core/object-keys.ts';
import type { Store } from '../../store/store.ts';
import { putJson, readText } from '../../store/text.ts';

/** Writes the plan where every step finds it, and gives the one that stands: of a planning that was repeated, the first. */
export async function writePlan(store: Store, plan: CleanupPlan): Promise<CleanupPlan> {
  const isFirst = await putJson(store, cleanupPlanKey(plan.cleanupId), plan, { condition: 'absent' });
  return isFirst ? plan : await readPlan(store, plan.cleanupId);
}

/** The plan of that cleanup. Throws `corrupt` when it cannot be read. */
export async function readPlan(store: Store, cleanup: BackupId): Promise<CleanupPlan> {
  const key = cleanupPlanKey(cleanup);
  const text = await readText(store, key);
  if (text === undefined) throw new HoldfastError('object-missing', `there is no plan '${key}'`);
  const parsed = cleanupPlanSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new HoldfastError('corrupt', `plan '${key}' is not valid: ${z.prettifyError(parsed.error)}`);
}
