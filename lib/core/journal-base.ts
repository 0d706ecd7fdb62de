import * as z from 'zod';
import { backupIdSchema } from './ids.ts';

/** What every journal event bears: the operation that it belongs to, when it happened, and whose it is. */
export const eventBase = { operation: backupIdSchema, at: z.iso.datetime(), tenant: z.string().nullable() };

/** A failure as an event keeps it. */
export const eventErrorSchema = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });
