import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import { syncFolder } from './durable-files.ts';
import { errorCodeOf } from './file-errors.ts';

export type StagedFile = { readonly path: string; readonly handle: FileHandle };

/** The folder of files that are being written. It is in the store's own file system, since names move only within one. */
export class StagingArea {
  readonly folder: string;
  #isMade = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A new empty file that nobody else writes to. End it with `discard` in any case. */
  async create(): Promise<StagedFile> {
    await this.#make();
    const path = join(this.folder, randomBytes(12).toString('hex'));
    try {
      return { path, handle: await open(path, 'wx', 0o640) };
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT') throw error;
      throw new HoldfastError('store-unavailable', `the store's folder '${this.folder}' has vanished`, {
        hint: 'was its disk unmounted?',
        cause: error,
      });
    }
  }

  /** Closes the file, and removes it if it still is where it was made. */
  async discard(staged: StagedFile): Promise<void> {
    await staged.handle.close().catch(() => undefined);
    await rm(staged.path, { force: true });
  }

  /** Gives the synced file the name `path`, replacing what is there. */
  async moveTo(staged: StagedFile, path: string): Promise<void> {
    await rename(staged.path, path);
    await syncFolder(dirname(path));
  }

  /** Removes what was last written to before `limit`, left by writers that were killed, and tells how many files it was. */
  async removeStale(limit: Date): Promise<number> {
    await this.#make();
    let removed = 0;
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined || found.mtimeMs >= limit.getTime()) continue;
      await rm(path, { recursive: true, force: true });
      removed += 1;
    }
    // An empty lock is a free one, and rmdir(2) refuses any other: what somebody holds is never removed here.
    const locks = join(dirname(this.folder), 'locks');
    for (const name of await readdir(locks)) await rmdir(join(locks, name)).catch(() => undefined);
    return removed;
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    // Not recursive from the root up: the root itself must never be made here (see openDirectoryStore).
    const parent = dirname(this.folder);
    for (const folder of [parent, this.folder, join(parent, 'locks')]) {
      await mkdir(folder).catch((error: unknown) => {
        if (errorCodeOf(error) !== 'EEXIST') throw error;
      });
    }
    this.#isMade = true;
  }
}
