import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { parsedJson } from '../core/parsed-json.ts';

/** The query parameters of every list. */
export const pageSchema = {
  limit: z
    .string()
    .regex(/^([1-9]\d?|1\d\d|200)$/, 'is not a number from 1 to 200')
    .transform(Number)
    .optional()
    .meta({ override: { type: 'integer', minimum: 1, maximum: 200, pattern: undefined, default: 50 } })
    .describe('At most so many'),
  cursor: z.string().max(1024).optional().describe('The `next` of the page before'),
};

export const defaultLimit = 50;

/** The cursor of the next page, in the schema of every list. */
export const nextSchema = z.string().nullable().describe('The cursor of the next page; null on the last');

/** Where a page ended, as text that callers hand back and do not look into. */
export const cursorOf = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url');

/** The position that a cursor bears. Throws `usage` when it is none that a list of this kind has given. */
export function positionOf<Position>(cursor: string | undefined, schema: z.ZodType<Position>): Position | undefined {
  if (cursor === undefined) return undefined;
  const parsed = schema.safeParse(parsedJson(Buffer.from(cursor, 'base64url').toString()));
  if (parsed.success) return parsed.data;
  throw new HoldfastError('usage', 'the cursor is not one that this list has given', {
    hint: "hand back 'next' of the page before, with the same filters, or leave the cursor away",
  });
}
