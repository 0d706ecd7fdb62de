import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileTag } from './durable-files.ts';
import { errorCodeOf } from './file-errors.ts';
import type { ObjectInfo } from './store.ts';
import { canBeginKeys, compareKeys, reservedSegment, whyNotKey } from './store-key.ts';

/** How many files are looked at together. */
const batchSize = 64;

/**
 * The files below `root` whose key begins with `prefix` and comes after `startAfter`, in ascending order of their keys.
 * Memory is that of the largest folder's names on the way down.
 */
export async function* listFiles(root: string, prefix: string, startAfter: string): AsyncIterable<ObjectInfo> {
  // Asked here too because such a prefix could name a place outside of the root.
  if (!canBeginKeys(prefix)) return;
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);

  let batch: string[] = [];
  for await (const key of walk(root, folder, prefix, startAfter)) {
    batch.push(key);
    if (batch.length < batchSize) continue;
    yield* lookAt(root, batch);
    batch = [];
  }
  yield* lookAt(root, batch);
}

async function* walk(root: string, folder: string, prefix: string, startAfter: string): AsyncIterable<string> {
  for (const entry of await entriesOf(join(root, ...folder.split('/')))) {
    if (folder === '' && entry.name === reservedSegment) continue;
    const key = folder + entry.name;
    if (entry.isFile()) {
      // Other people's files may have names that no key has.
      if (whyNotKey(key) !== undefined) continue;
      if (key.startsWith(prefix) && compareKeys(key, startAfter) > 0) yield key;
    } else if (entry.isDirectory()) {
      const below = `${key}/`;
      if (!below.startsWith(prefix) && !prefix.startsWith(below)) continue;
      // The whole folder lies before `startAfter`, unless that lies inside of it.
      if (compareKeys(below, startAfter) < 0 && !startAfter.startsWith(below)) continue;
      yield* walk(root, below, prefix, startAfter);
    }
  }
}

/** A folder's entries in the order of the keys that they stand for: `a-b` comes before what is in the folder `a`. */
async function entriesOf(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown): Dirent[] => {
    if (['ENOENT', 'ENOTDIR'].includes(errorCodeOf(error) ?? '')) return [];
    throw error;
  });
  const nameOf = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);
  return entries.sort((a, b) => compareKeys(nameOf(a), nameOf(b)));
}

async function* lookAt(root: string, keys: readonly string[]): AsyncIterable<ObjectInfo> {
  const found = await Promise.all(keys.map(async (key) => ({ key, tag: await fileTag(join(root, key)) })));
  // What was deleted since its name was read is simply not there.
  for (const { key, tag } of found) if (tag !== undefined) yield { key, ...tag };
}
