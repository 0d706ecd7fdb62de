import { linkSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import type { OnConflict } from '../../../core/vocabulary.ts';
import { shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { pathIn } from '../tree/read-entry.ts';
import { SafeFolder } from './safe-folder.ts';

type Merged = { readonly added: number; readonly replaced: number; readonly skipped: number };

/**
 * Moves what was restored in `work` into a folder that has something in it already. Folders that are there keep their properties; each file
 * is put in place in one step. With `fail` nothing at all is moved when one name is taken.
 *
 * A crash leaves some files in place, each whole, and the rest in the work folder, which the next restore removes.
 */
export function mergeInto(work: string, destination: string, onConflict: OnConflict): Merged {
  using target = new SafeFolder(destination);
  const root = Buffer.from(work);
  const { conflicts, obstacles } = conflictsOf(root, target);
  if (obstacles.length > 0)
    throw new HoldfastError(
      'target-not-empty',
      `in '${destination}' a folder stands where a file goes, or the other way round: ${firstFew(obstacles)}`,
      { hint: 'restore into another folder with --as, or move what is named out of the way; nothing was changed' },
    );
  if (onConflict === 'fail' && conflicts.length > 0)
    throw new HoldfastError('target-not-empty', `'${destination}' has already ${firstFew(conflicts)}`, {
      hint: "say '--on-conflict skip' or '--on-conflict replace', or restore into another folder; nothing was changed",
    });

  const merged = { added: 0, replaced: 0, skipped: 0 };
  for (const { path, isFolder } of entriesOf(root, Buffer.alloc(0), (path) => isFolderIn(target, path))) {
    const [from, to] = [pathIn(root, path), target.reach(path)];
    if (isFolder) {
      // A folder that is not there yet is moved with all that is in it.
      if (!isThere(to)) renameSync(from, to);
      continue;
    }
    if (onConflict === 'replace') {
      merged[isThere(to) ? 'replaced' : 'added'] += 1;
      renameSync(from, to);
    } else if (placeNew(from, to)) merged.added += 1;
    else merged.skipped += 1;
  }
  return merged;
}

/** Gives the name to the file unless another has it. */
function placeNew(from: Buffer, to: Buffer): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  rmSync(from);
  return true;
}

function conflictsOf(root: Buffer, target: SafeFolder) {
  const conflicts: string[] = [];
  const obstacles: string[] = [];
  for (const { path, isFolder } of entriesOf(root, Buffer.alloc(0), (folder) => isFolderIn(target, folder))) {
    const there = lstatSync(target.reach(path), { throwIfNoEntry: false });
    if (there === undefined) continue;
    if (there.isDirectory() !== isFolder) obstacles.push(`'${shownPath(path)}'`);
    else if (!isFolder) conflicts.push(`'${shownPath(path)}'`);
  }
  return { conflicts, obstacles };
}

/** What is in `folder` of the work folder and below it, as far as the same folders are in the destination. */
function* entriesOf(
  root: Buffer,
  folder: Buffer,
  isKnown: (path: Buffer) => boolean,
): Generator<{ readonly path: Buffer; readonly isFolder: boolean }> {
  for (const { name, isDirectory } of readdirSync(pathIn(root, folder), {
    encoding: 'buffer',
    withFileTypes: true,
  }).map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))) {
    const path = folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name]);
    const wasKnown = isDirectory && isKnown(path);
    yield { path, isFolder: isDirectory };
    if (wasKnown) yield* entriesOf(root, path, isKnown);
  }
}

const isThere = (path: Buffer): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
const isFolderIn = (target: SafeFolder, path: Buffer): boolean =>
  lstatSync(target.reach(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
