import { z } from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { backupIdSchema } from '../core/ids.ts';
import type { Store } from './store.ts';
import { readJson } from './text.ts';

/** What stands in a slot: which backup was made for it, by which execution, and since when. */
export const requestRecordSchema = z.strictObject({
  backupId: backupIdSchema,
  execution: z.string(),
  requestedAt: z.iso.datetime(),
  /** When it was first looked at. Records of before there were queued requests lack it: for them the two were one. */
  admittedAt: z.iso.datetime().optional(),
});
export type RequestRecord = z.infer<typeof requestRecordSchema>;

/** The record of a slot that is taken. Throws `corrupt` when it is not there or cannot be read. */
export async function readRequestRecord(store: Store, key: string): Promise<RequestRecord> {
  const parsed = requestRecordSchema.safeParse(await readJson(store, key));
  if (parsed.success) return parsed.data;
  throw new HoldfastError('corrupt', `request record '${key}' cannot be read`);
}
