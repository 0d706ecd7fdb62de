import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { hasCode } from '../../../core/has-code.ts';

/** As many as Node has threads for. */
const atOnce = 4;

/**
 * Resolves when everything in the folder is on the disk: the content of each file, and the names of all. Links are not followed. Rejects with what
 * the disk says; some disks say only here that they could not write. `isLeftOut`: for names in the folder itself.
 */
export async function syncTree(folder: string, isLeftOut: (name: string) => boolean = () => false): Promise<void> {
  const files: Buffer[] = [];
  const folders: Buffer[] = [];
  const top = Buffer.from(folder);
  const list = async (here: Buffer): Promise<void> => {
    folders.push(here);
    for (const entry of await readdir(here, { encoding: 'buffer', withFileTypes: true })) {
      if (here === top && isLeftOut(entry.name.toString('latin1'))) continue;
      const one = Buffer.concat([here, Buffer.from(path.sep), entry.name]);
      if (entry.isDirectory()) await list(one);
      else if (entry.isFile()) files.push(one);
    }
  };
  await list(top);
  const limit = pLimit(atOnce);
  await limit.map(files, syncFile);
  await limit.map(folders, syncNames);
}

/** Resolves when the folder's own list of names is on the disk, where the file system knows of such a thing. */
export async function syncNames(folder: string | Buffer): Promise<void> {
  try {
    await syncFile(folder);
  } catch (error) {
    if (!hasCode(error, 'EINVAL') && !hasCode(error, 'EISDIR')) throw error;
  }
}

async function syncFile(file: string | Buffer): Promise<void> {
  await using handle = await open(file, 'r');
  await handle.sync();
}
