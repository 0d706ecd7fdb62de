import { chown, readdir } from 'node:fs/promises';
import path from 'node:path';

/** Gives a folder and all that is in it to the owner of another, where this process may: a server has to be able to write its own files. */
export async function giveTo(folder: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
  if (process.getuid?.() !== 0 || owner.uid === 0) return;
  await chown(folder, owner.uid, owner.gid);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await chown(path.join(entry.parentPath, entry.name), owner.uid, owner.gid);
}
