import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { backupIdSchema } from '../core/ids.ts';
import { parsedJson } from '../core/parsed-json.ts';
import type { Store } from './store.ts';
import { readText } from './text.ts';

/** What stands in a slot: which backup was made for it, by which execution, and since when. */
const requestRecordSchema = z.strictObject({
  backupId: backupIdSchema,
  execution: z.string(),
  requestedAt: z.iso.datetime(),
  /** When it was first looked at. Records of before there were queued requests lack it: for them the two were one. */
  admittedAt: z.iso.datetime().optional(),
});
export type RequestRecord = z.infer<typeof requestRecordSchema>;

/** The record of a slot that is taken. Throws `corrupt` when it is not there or cannot be read. */
export async function readRequestRecord(store: Store, key: string): Promise<RequestRecord> {
  const record = await findRequestRecord(store, key);
  if (record !== undefined) return record;
  throw new HoldfastError('corrupt', `request record '${key}' is gone`);
}

/** The record of a slot; undefined when nobody has taken it. Throws `corrupt` when it cannot be read. */
export async function findRequestRecord(store: Store, key: string): Promise<RequestRecord | undefined> {
  const text = await readText(store, key);
  if (text === undefined) return undefined;
  const parsed = requestRecordSchema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  throw new HoldfastError('corrupt', `request record '${key}' cannot be read`);
}
