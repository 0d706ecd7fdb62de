import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, rename, rm, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../core/errors.ts';
import { errorCodeOf } from './file-errors.ts';

/** A lock whose holder did not end its two system calls in this time belongs to a dead or stopped process. */
const staleLockSeconds = 10;

/** Makes what was renamed, linked or removed in `folder` survive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes `folder` and its missing parents, durably. */
export async function ensureFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Removes `folder` and its parents up to, and without, `root` as long as they are empty. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let current = folder; current !== root; current = dirname(current)) {
    try {
      await rmdir(current);
    } catch {
      return; // It is in use, or somebody else has removed it: either way it is not ours to remove.
    }
  }
}

/**
 * Publishes the synced file `staged` as `path` unless there is one. Two callers never both succeed.
 *
 * link(2) fails when the name exists, unlike rename(2). A crash before it leaves a temporary file, after it the object
 * and a second name of it among the temporary files, which is removed by age.
 */
export async function publishAbsent(staged: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await ensureFolder(dirname(path));
    try {
      await link(staged, path);
      break;
    } catch (error) {
      // A concurrent removal of the last object of this folder may have taken the folder with it.
      if (errorCodeOf(error) === 'ENOENT' && attempt < 10) continue;
      if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCodeOf(error) ?? '')) {
        throw new HoldfastError('config-invalid', `the file system of '${path}' has no hard links`, {
          hint: 'put the store on a native file system (ext4, xfs, btrfs, apfs, nfs)',
          cause: error,
        });
      }
      throw error;
    }
  }
  await unlink(staged);
  await syncFolder(dirname(path));
}

/**
 * Publishes the synced file `staged` as `path`, replacing what is there, if `accepts` says yes to what is there. Returns
 * false, and removes `staged`, when it says no. Between the question and the replacement nobody else replaces `path`.
 *
 * The lock is a folder that is not empty: a folder with nothing but our staged file is renamed to the lock's name, which
 * succeeds only while that is absent or empty. Renaming the staged file out of it publishes it and frees the lock in one step.
 * - Crash while holding it: the folder stays until it is stale, then anyone may move it aside.
 * - A holder that is stopped for longer, and moved aside, finds its staged file gone, so a late replacement is impossible.
 * No process ids, no clocks that must agree, no advisory locks: this holds between containers and over NFS too.
 */
export async function publishReplacing(
  staged: string,
  path: string,
  options: {
    readonly lock: string;
    readonly temporaryFolder: string;
    readonly accepts: (current: FileTag | undefined) => boolean;
  },
): Promise<boolean> {
  const name = randomBytes(8).toString('hex');
  const own = join(options.temporaryFolder, `${name}.lock`);
  const held = join(options.lock, name);
  await mkdir(own);
  await rename(staged, join(own, name));
  try {
    await acquire(own, options.lock, options.temporaryFolder);
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    throw error;
  }

  const current = await fileTag(path);
  if (!options.accepts(current)) {
    await rm(held, { force: true });
    return false;
  }
  try {
    await moveClockPast(current, held);
    await moveInto(held, path);
  } catch (error) {
    if ((await lstat(held).catch(() => undefined)) === undefined) {
      throw new HoldfastError('store-unavailable', `this process stood still while it replaced '${path}'`, {
        hint: 'another writer went ahead and nothing was replaced; run again',
        cause: error,
      });
    }
    await rm(held, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
  return true;
}

/** What tells one state of a file from every later one: its inode, size and time, the latter growing with each replacement. */
export type FileTag = { readonly etag: string; readonly sizeBytes: number; readonly modifiedAt: Date };

/** The tag of the file at `path`; undefined when there is none (a symbolic link is none). */
export async function fileTag(path: string): Promise<FileTag | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    return found.isFile() ? tagOf(found) : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

export function tagOf(found: { readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint }): FileTag {
  return {
    etag: `"${found.ino.toString(16)}-${found.mtimeNs.toString(16)}-${found.size.toString(16)}"`,
    sizeBytes: Number(found.size),
    modifiedAt: new Date(Number(found.mtimeNs / 1_000_000n)),
  };
}

/** A concurrent removal of the last object of a folder may take the folder with it: then it is made again. */
async function moveInto(staged: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await ensureFolder(dirname(path));
    try {
      await rename(staged, path);
      return;
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT' || attempt === 10) throw error;
      await lstat(staged);
    }
  }
}

async function acquire(own: string, lock: string, temporaryFolder: string): Promise<void> {
  const giveUpAt = performance.now() + 6 * staleLockSeconds * 1000;
  for (;;) {
    await utimes(own, new Date(), new Date());
    try {
      await rename(own, lock);
      return;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(errorCodeOf(error) ?? '')) throw error;
    }
    if (performance.now() > giveUpAt)
      throw new HoldfastError('store-unavailable', `too many writers replace one object (lock '${lock}')`);
    const since = await stat(lock).catch(() => undefined);
    if (since !== undefined && Date.now() - since.mtimeMs > staleLockSeconds * 1000) {
      await rename(lock, join(temporaryFolder, `${randomBytes(8).toString('hex')}.stale`)).catch(() => undefined);
      continue;
    }
    await sleep(2 + Math.random() * 10);
  }
}

/**
 * Inodes are reused and the clock of a file system ticks every few milliseconds, so that without this a third state of an
 * object could bear the tag of the first.
 */
async function moveClockPast(current: FileTag | undefined, staged: string): Promise<void> {
  if (current === undefined) return;
  const next = await stat(staged);
  const earliest = current.modifiedAt.getTime() + 2;
  if (next.mtimeMs < earliest) await utimes(staged, new Date(earliest), new Date(earliest));
}
