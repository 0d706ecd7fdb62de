import { HoldfastError } from '../core/errors.ts';
import { parsedJson } from '../core/parsed-json.ts';
import type { ObjectInfo, PutOptions, Store } from './store.ts';

/** Is it that something is not in the store, and no trouble in reading it? */
export const isMissing = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError && error.code === 'object-missing';

/** A small object as text, with what is known of it; undefined when there is none. */
export async function readObject(
  store: Store,
  key: string,
): Promise<{ readonly text: string; readonly info: ObjectInfo } | undefined> {
  try {
    const { body, ...info } = await store.get(key);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return { text: Buffer.concat(chunks).toString('utf8'), info };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A small object as text, or undefined when there is none. */
export async function readText(store: Store, key: string): Promise<string | undefined> {
  return (await readObject(store, key))?.text;
}

/** A small object's JSON value; undefined when there is no object, and when what is there is not JSON. */
export async function readJson(store: Store, key: string): Promise<unknown> {
  const text = await readText(store, key);
  return text === undefined ? undefined : parsedJson(text);
}

/** Writes a value as JSON. With `condition: 'absent'`, false when the object was there already. */
export async function putJson(store: Store, key: string, value: unknown, options: PutOptions = {}): Promise<boolean> {
  try {
    await store.put(key, Buffer.from(`${JSON.stringify(value, null, 2)}\n`), {
      contentType: 'application/json',
      ...options,
    });
    return true;
  } catch (error) {
    if (options.condition === 'absent' && error instanceof HoldfastError && error.code === 'already-exists')
      return false;
    throw error;
  }
}
