import type * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { Store } from './store.ts';
import { readObject } from './text.ts';

/** A small object that is replaced as a whole, and the tag by which a replacement says what it replaces. */
export type Document<Value> = {
  /** Undefined when there is none, or when what is there cannot be read: it is then made anew. */
  readonly value: Value | undefined;
  readonly etag: string | undefined;
};

/** The document at `key`. */
export async function readDocument<Value>(
  store: Store,
  key: string,
  schema: z.ZodType<Value>,
): Promise<Document<Value>> {
  const found = await readObject(store, key);
  return { value: found && parsed(found.text, schema), etag: found?.info.etag };
}

/**
 * Writes `value` if the document still is the one that was read; false when somebody else was faster. A crash leaves the old document or
 * the new one.
 */
export async function replaceDocument(
  store: Store,
  key: string,
  value: unknown,
  { etag }: { readonly etag: string | undefined },
): Promise<boolean> {
  try {
    await store.put(key, Buffer.from(`${JSON.stringify(value, null, 2)}\n`), {
      condition: etag === undefined ? 'absent' : { etag },
      contentType: 'application/json',
    });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'already-exists') return false;
    throw error;
  }
}

function parsed<Value>(text: string, schema: z.ZodType<Value>): Value | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
