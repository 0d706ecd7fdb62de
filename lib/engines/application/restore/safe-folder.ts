import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { isInside } from '../tar/inspect-tar.ts';
import { shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { pathIn } from '../tree/read-entry.ts';

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const isLinux = process.platform === 'linux';

/**
 * A folder in which names are reached without ever leaving it: each folder on the way is opened by itself and is no link, whatever anybody
 * puts in its place meanwhile. (Where the system has no `/proc/self/fd`, the way is looked at instead, which a race can deceive.)
 */
export class SafeFolder {
  readonly root: Buffer;
  readonly #open: { readonly name: Buffer; readonly fd: number }[] = [];

  /** `root` itself may be reached through links: whoever named it meant that. */
  constructor(root: string | Buffer) {
    this.root = Buffer.from(root);
    const fd = openSync(this.root, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#open.push({ name: Buffer.alloc(0), fd });
  }

  /**
   * A path that stands for `path` in the folder until the next call, for calls that do not follow a link at its end. Throws `corrupt` for a
   * path that leads outside, or through a link, and the system's own error where a folder on the way is missing.
   */
  reach(path: Buffer): Buffer {
    if (!isInside(path)) throw outside(path);
    if (path.length === 0) return isLinux ? Buffer.from(`/proc/self/fd/${this.#open[0]?.fd}/.`) : this.root;
    const slash = path.lastIndexOf(0x2f);
    const folder = slash < 0 ? Buffer.alloc(0) : path.subarray(0, slash);
    if (!isLinux) {
      this.#look(path, folder);
      return pathIn(this.root, path);
    }
    const fd = this.#enter(folder, path);
    return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), path.subarray(slash + 1)]);
  }

  close(): void {
    for (const { fd } of this.#open.splice(0)) closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The folders on the way stay open as long as paths lead through them. */
  #enter(folder: Buffer, path: Buffer): number {
    const names = folder.length === 0 ? [] : namesOf(folder);
    let depth = 0;
    while (depth < names.length && this.#open[depth + 1]?.name.equals(names[depth] as Buffer)) depth += 1;
    for (const { fd } of this.#open.splice(depth + 1)) closeSync(fd);
    for (const name of names.slice(depth)) {
      const parent = this.#open.at(-1)?.fd;
      try {
        const fd = openSync(Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), name]), folderFlags);
        this.#open.push({ name, fd });
      } catch (error) {
        if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENOTDIR') throw throughLink(path);
        throw error;
      }
    }
    return this.#open.at(-1)?.fd ?? -1;
  }

  /** Forgets folders at and below `path`, which is about to be removed or moved. */
  leave(path: Buffer): void {
    const depth = namesOf(path).length;
    for (const { fd } of this.#open.splice(Math.max(depth, 1))) closeSync(fd);
  }

  #look(path: Buffer, folder: Buffer): void {
    const names = folder.length === 0 ? [] : namesOf(folder);
    let way = this.root;
    for (const name of names) {
      way = pathIn(way, name);
      if (!lstatSync(way).isDirectory()) throw throughLink(path);
    }
  }
}

function namesOf(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .map((name) => Buffer.from(name, 'latin1'));
}

const outside = (path: Buffer): HoldfastError =>
  new HoldfastError('corrupt', `the backup names '${shownPath(path)}', which lies outside of the folder`);

const throughLink = (path: Buffer): HoldfastError =>
  new HoldfastError('corrupt', `'${shownPath(path)}' leads through something that is no folder`);
