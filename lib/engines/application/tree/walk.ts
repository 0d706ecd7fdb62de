import { type BigIntStats, lstatSync } from 'node:fs';
import type { Choice } from './choice.ts';
import { shownPath } from './entry.ts';
import { type FolderName, readNames } from './folder-names.ts';
import { type Omission, omissionOf } from './omission.ts';
import { pathIn } from './read-entry.ts';

export type WalkOptions = {
  readonly root: Buffer;
  readonly choice: Choice;
  readonly oneFileSystem: boolean;
  /** Told of folders that cannot be listed, and of those on which another file system is that is left out. */
  readonly onOmission: (omission: Omission) => void;
};

/** So many paths are given at once, at most. */
const batchPaths = 128;

type Level = {
  readonly folder: Buffer;
  readonly names: Iterator<FolderName>;
  /** Was this folder asked for, and so everything in it? */
  readonly isWanted: boolean;
};

/**
 * The paths of a tree, relative to it, some at a time: every folder before what it holds, names in the order of their bytes. Only names are
 * looked at, and links are not followed. The order is the same whenever the names are.
 */
export async function* walkTree({ root, choice, oneFileSystem, onOmission }: WalkOptions): AsyncGenerator<Buffer[]> {
  const top = lstatSync(root, { bigint: true });
  const levels: Level[] = [];
  /** Folders that nobody has asked for by name, until something in them is wanted. */
  const waiting: Buffer[] = [];

  const enter = async (folder: Buffer, { size }: BigIntStats, isWanted: boolean): Promise<void> => {
    try {
      levels.push({ folder, names: await readNames(pathIn(root, folder), size), isWanted });
    } catch (error) {
      onOmission(omissionOf(folder, error));
      levels.push({ folder, names: [].values(), isWanted });
    }
  };
  const look = (path: Buffer): BigIntStats | undefined => {
    try {
      return lstatSync(pathIn(root, path), { bigint: true });
    } catch (error) {
      onOmission(omissionOf(path, error));
      return undefined;
    }
  };

  let batch: Buffer[] = [Buffer.alloc(0)];
  await enter(Buffer.alloc(0), top, choice.isWhole);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { value, done } = level.names.next();
    if (done) {
      levels.pop();
      if (waiting.at(-1) === level.folder) waiting.pop();
      continue;
    }
    const { name, isFolder } = value;
    const path = level.folder.length === 0 ? name : Buffer.concat([level.folder, slash, name]);
    const shown = shownPath(path);
    if (choice.isExcluded(shown, isFolder)) continue;
    const isWanted = level.isWanted || choice.isIncluded(shown, isFolder);
    // What cannot be looked at is told of here, and by nobody once more.
    const stats = isFolder ? look(path) : undefined;
    if (isFolder && stats === undefined) continue;
    if (isWanted) batch.push(...waiting.splice(0), path);
    if (batch.length >= batchPaths) {
      yield batch;
      batch = [];
    }
    if (stats === undefined) continue;
    if (oneFileSystem && stats.dev !== top.dev) {
      if (isWanted) onOmission({ path, reason: 'mount' });
      continue;
    }
    if (!isWanted) waiting.push(path);
    await enter(path, stats, isWanted);
  }
  yield batch;
}

const slash = Buffer.from('/');
