import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import { type Connection, treeNamed } from '../connection.ts';
import { openLibc } from '../native/libc.ts';
import { type WorkFolder, workFolderName, workFolderOf } from '../tree/leftovers.ts';
import { codeOf } from '../tree/omission.ts';
import { pathIn, terminated } from '../tree/read-entry.ts';
import { isMountPoint, mountsBelow } from './mounts-below.ts';

/** The folder that a restore into `destination` means: a path, or the name of a configured tree. */
export function folderOf(connection: Connection, destination: string): string {
  if (isAbsolute(destination) || /^\.{0,2}\//.test(destination)) return resolve(destination);
  const tree = treeNamed(connection, destination);
  if (tree) return tree.path;
  throw new HoldfastError('usage', `'${destination}' is neither a folder's path nor a tree of the target`, {
    hint: 'name the folder with --as, e.g. --as /srv/restored',
  });
}

/**
 * Where a tree is restored to: a folder that need not be there. All work is done in hidden folders beside it, on the same file system, so that
 * putting a copy in place is a change of names. Where the folder is where a file system is mounted, they are in it, and its contents are
 * exchanged instead.
 */
export class Destination {
  readonly path: string;
  readonly #name: string;
  /** Where work folders are. */
  readonly #place: string;
  readonly #isMount: boolean;

  constructor(named: string) {
    const there = statSync(named, { throwIfNoEntry: false });
    // Whoever restores to a link means the folder that it points to.
    const path = there === undefined ? named : realpathSync(named);
    this.path = path;
    this.#name = basename(path);
    const parent = dirname(path);
    if (there !== undefined && !there.isDirectory())
      throw new HoldfastError('target-not-empty', `'${path}' is there and is no folder`);
    const above = statSync(parent, { throwIfNoEntry: false });
    if (!above?.isDirectory())
      throw new HoldfastError('preflight-failed', `there is no folder '${parent}' to restore into`);
    this.#isMount = there !== undefined && (there.dev !== above.dev || isMountPoint(path));
    this.#place = this.#isMount ? path : parent;
  }

  /** Is there anything in it that is not ours? */
  get isTaken(): boolean {
    return this.#names().length > 0;
  }

  /** Throws `preflight-failed` where less is free than `bytes`. */
  requireSpace(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#place);
    if (bavail * bsize >= bytes) return;
    const free = Math.floor((bavail * bsize) / 1_048_576);
    throw new HoldfastError(
      'preflight-failed',
      `${Math.ceil(bytes / 1_048_576)} MiB are to be restored, and '${this.#place}' has ${free} MiB free`,
    );
  }

  /**
   * Throws `preflight-failed` where a file system is mounted below. Backups leave it out; but it would move aside with the folder that is replaced,
   * and be emptied with it.
   */
  requireNoMounts(): void {
    const mounts = mountsBelow(this.path);
    if (mounts.length === 0) return;
    throw new HoldfastError(
      'preflight-failed',
      `'${this.path}' cannot be replaced: file systems are mounted below it, at ${firstFew(mounts.map((place) => `'${place}'`))}`,
      { hint: 'unmount them, restore beside it with --as, or restore file by file with --on-conflict replace' },
    );
  }

  /**
   * Clears away what a restore that was killed has left. One that was killed between the two renames of a replacement has left what it was to
   * replace under another name: that gets its own back. One that was killed while it exchanged the contents of a mount has left some of both in
   * place, and what it had taken away nowhere else: that is kept. Returns what is worth a remark.
   */
  clearLeftovers(): readonly string[] {
    const found = readdirSync(this.#place).map((entry) => ({
      path: join(this.#place, entry),
      what: workFolderOf(entry, this.#name),
    }));
    // The folder of the new contents goes when the last of them has been moved.
    const isHalfway = this.#isMount && found.some(({ what }) => what === 'restoring');
    const kept: string[] = [];
    for (const { path, what } of found) {
      if (what === 'replaced' && isHalfway) {
        const aside = this.keepAside(path);
        kept.push(`what a killed restore had taken away is kept as '${aside}': remove it when nothing of it is missed`);
      } else if (what === 'replaced' && !this.#isMount && lstatSync(this.path, { throwIfNoEntry: false }) === undefined)
        renameSync(path, this.path);
      else if (what === 'restoring' || what === 'replaced') removeTree(path);
    }
    return kept;
  }

  /** A new folder to restore into, for nobody else's eyes. */
  makeWorkFolder(): string {
    const path = this.#newFolder('restoring');
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /** Keeps a folder that must be neither put in place nor removed. Returns where it is. */
  keepAside(work: string): string {
    const path = this.#newFolder('differs');
    renameSync(work, path);
    return path;
  }

  /**
   * Puts `work` in the folder's place, in one step where the system can. Returns what was there before, under another name, for the caller to
   * remove. After a crash either is in place; in between, where the system cannot exchange them, `clearLeftovers` puts the old one back.
   */
  swap(work: string): string | undefined {
    if (this.#isMount) return this.#swapContents(work);
    if (!this.isTaken) {
      // An empty folder gives way to another by itself.
      renameSync(work, this.path);
      return undefined;
    }
    this.requireNoMounts();
    const aside = this.#newFolder('replaced');
    if (openLibc()?.exchange(terminated(Buffer.from(work)), terminated(Buffer.from(this.path)))) {
      renameSync(work, aside);
      return aside;
    }
    renameSync(this.path, aside);
    try {
      renameSync(work, this.path);
    } catch (error) {
      renameSync(aside, this.path);
      throw error;
    }
    return aside;
  }

  #swapContents(work: string): string | undefined {
    this.requireNoMounts();
    const old = this.#names();
    const aside = old.length > 0 ? this.#newFolder('replaced') : undefined;
    if (aside !== undefined) mkdirSync(aside, { mode: 0o700 });
    const [from, to] = [Buffer.from(work), Buffer.from(this.path)];
    for (const name of old) renameSync(pathIn(to, name), pathIn(Buffer.from(aside ?? ''), name));
    for (const name of readdirSync(from, 'buffer')) renameSync(pathIn(from, name), pathIn(to, name));
    rmdirSync(work);
    return aside;
  }

  #newFolder(what: WorkFolder): string {
    return join(this.#place, workFolderName(this.#name, what));
  }

  #names(): Buffer[] {
    if (lstatSync(this.path, { throwIfNoEntry: false }) === undefined) return [];
    return readdirSync(this.path, 'buffer').filter((name) => {
      const text = name.toString('utf8');
      return workFolderOf(text, this.#name) === undefined && !(this.#isMount && text === 'lost+found');
    });
  }
}

/** Removes a folder with all that is in it, whatever its permissions are. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    // Folders that even their owner may not write to.
    openUp(Buffer.from(path));
    rmSync(path, { recursive: true, force: true });
  }
}

function openUp(folder: Buffer): void {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { encoding: 'buffer', withFileTypes: true }))
    if (entry.isDirectory()) openUp(pathIn(folder, entry.name));
}
