import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { giveTo } from './give-to.ts';
import type { ServerFolders } from './server-folders.ts';

/** Within the data folder and within that of the transaction logs, so that a rename is all that it takes to put a database in place. */
export const stageName = 'holdfast-restore';
const asideName = 'holdfast-replaced';
const discardedName = 'holdfast-discarded';

/** Where a database's two folders are, where they wait, and where they are put aside. A database without the second is none: that one goes last. */
const pairsOf = ({ data, transactions }: ServerFolders, database: string) => [
  {
    place: path.join(transactions, database),
    staged: path.join(transactions, stageName, database, database),
    aside: path.join(transactions, asideName, database),
  },
  {
    place: path.join(data, 'databases', database),
    staged: path.join(data, stageName, database, 'home/databases', database),
    aside: path.join(data, asideName, database),
  },
];

/** Puts the old folders of a database aside and the staged ones in their place. Its server is stopped. */
export async function swapIn(folders: ServerFolders, database: string): Promise<void> {
  const owner = await stat(folders.data);
  for (const { place, staged, aside } of pairsOf(folders, database)) {
    await giveTo(staged, owner);
    await mkdir(path.dirname(aside), { recursive: true });
    // A server that was never started has no place for databases yet.
    const made = await mkdir(path.dirname(place), { recursive: true });
    if (made !== undefined) await giveTo(made, owner);
    if (await isThere(place)) await rename(place, aside);
    await rename(staged, place);
  }
}

/** Databases that a restore has put aside and never confirmed. */
export async function databasesAside({ data, transactions }: ServerFolders): Promise<readonly string[]> {
  const found = await Promise.all(
    [data, transactions].map((folder) => readdir(path.join(folder, asideName)).catch((): string[] => [])),
  );
  return [...new Set(found.flat())];
}

/** Brings the old folders back, whatever came of the new ones. The server is stopped. May be done again. */
export async function swapBack(folders: ServerFolders, databases: readonly string[]): Promise<void> {
  for (const database of databases) {
    for (const { place, aside } of pairsOf(folders, database)) {
      if (!(await isThere(aside))) continue;
      await rm(place, { recursive: true, force: true });
      await rename(aside, place);
    }
  }
  await removeAll(folders, asideName);
}

/** The new databases are good: what was put aside can never come back from here on, and is deleted. */
export async function confirmSwap(folders: ServerFolders): Promise<void> {
  await removeAll(folders, discardedName);
  for (const folder of [folders.data, folders.transactions]) {
    const aside = path.join(folder, asideName);
    if (await isThere(aside)) await rename(aside, path.join(folder, discardedName));
  }
  await removeAll(folders, discardedName);
}

/** Deletes what was staged, and what a crash left of what was confirmed. */
export async function removeStaged(folders: ServerFolders): Promise<void> {
  await removeAll(folders, stageName);
  await removeAll(folders, discardedName);
}

async function removeAll({ data, transactions }: ServerFolders, name: string): Promise<void> {
  for (const folder of [data, transactions]) await rm(path.join(folder, name), { recursive: true, force: true });
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
