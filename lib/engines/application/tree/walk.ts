import { type Dirent, lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Choice } from './choice.ts';
import { shownPath } from './entry.ts';
import { type Omission, omissionOf } from './omission.ts';
import { pathIn } from './read-entry.ts';

export type WalkOptions = {
  readonly root: Buffer;
  readonly choice: Choice;
  readonly oneFileSystem: boolean;
  /** Told of folders that cannot be listed. */
  readonly onOmission: (omission: Omission) => void;
};

/** So many paths are given at once, at most. */
const batchPaths = 128;

type Level = {
  readonly folder: Buffer;
  readonly names: readonly Dirent<Buffer>[];
  /** Was this folder asked for, and so everything in it? */
  readonly isWanted: boolean;
  next: number;
};

/**
 * The paths of a tree, relative to it, some at a time: every folder before what it holds, names in the order of their bytes. Only names are
 * looked at, and links are not followed. The order is the same whenever the names are.
 */
export async function* walkTree({ root, choice, oneFileSystem, onOmission }: WalkOptions): AsyncGenerator<Buffer[]> {
  const device = lstatSync(root, { bigint: true }).dev;
  const levels: Level[] = [];
  /** Folders that nobody has asked for by name, until something in them is wanted. */
  const waiting: Buffer[] = [];

  const enter = async (folder: Buffer, isWanted: boolean): Promise<void> => {
    let names: Dirent<Buffer>[] = [];
    try {
      names = await readdir(pathIn(root, folder), { encoding: 'buffer', withFileTypes: true });
    } catch (error) {
      onOmission(omissionOf(folder, error));
    }
    names.sort((one, other) => Buffer.compare(one.name, other.name));
    levels.push({ folder, names, isWanted, next: 0 });
  };
  const isElsewhere = (path: Buffer): boolean => {
    try {
      return lstatSync(pathIn(root, path), { bigint: true }).dev !== device;
    } catch (error) {
      onOmission(omissionOf(path, error));
      return true;
    }
  };

  let batch: Buffer[] = [Buffer.alloc(0)];
  await enter(Buffer.alloc(0), choice.isWhole);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const dirent = level.names[level.next++];
    if (dirent === undefined) {
      levels.pop();
      if (waiting.at(-1) === level.folder) waiting.pop();
      continue;
    }
    const path = level.folder.length === 0 ? dirent.name : Buffer.concat([level.folder, slash, dirent.name]);
    const isFolder = dirent.isDirectory();
    const shown = shownPath(path);
    if (choice.isExcluded(shown, isFolder)) continue;
    const isWanted = level.isWanted || choice.isIncluded(shown, isFolder);
    if (isWanted) batch.push(...waiting.splice(0), path);
    if (batch.length >= batchPaths) {
      yield batch;
      batch = [];
    }
    if (!isFolder || (oneFileSystem && isElsewhere(path))) continue;
    if (!isWanted) waiting.push(path);
    await enter(path, isWanted);
  }
  yield batch;
}

const slash = Buffer.from('/');
