import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { type Libc, openLibc, type Xattr } from '../native/libc.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { terminated } from '../tree/read-entry.ts';
import { type TreeContent, TreeSum } from '../tree/tree-content.ts';
import type { SafeFolder } from './safe-folder.ts';

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const setIds = 0o6000;

/**
 * Makes entries in a folder that is nobody else's yet. What this user may not set is left as it comes, and accounted for: `expected` is the
 * content as it has to be then, and `remarks` say what was left.
 */
export class TreeWriter {
  readonly #folder: SafeFolder;
  readonly #libc: Libc | undefined = openLibc();
  readonly #isRoot = process.geteuid?.() === 0;
  readonly #sum = new TreeSum();
  readonly #folders: Entry[] = [];
  readonly #links: Entry[] = [];
  readonly #left = new Map<string, { count: number; readonly first: string }>();

  constructor(folder: SafeFolder) {
    this.#folder = folder;
  }

  /** A folder, its properties to be set by `finish`: what is made in it would change them. */
  addFolder(entry: Entry): void {
    this.#folders.push(entry);
    if (entry.path.length === 0) return;
    const path = this.#folder.reach(entry.path);
    try {
      mkdirSync(path, 0o700);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      if (!lstatSync(path).isDirectory()) throw bothKinds(entry.path);
    }
  }

  /** Everything that is neither folder nor file. */
  addSpecial(entry: Entry): void {
    const path = this.#make(entry.path);
    switch (entry.kind) {
      case 'link':
        symlinkSync(entry.target ?? Buffer.alloc(0), path);
        break;
      case 'hard-link':
        this.#linkTo(entry);
        this.#links.push(entry);
        return;
      case 'fifo':
      case 'character-device':
      case 'block-device':
        if (!this.#makeNode(entry, path)) return;
        break;
      case 'file':
      case 'folder':
        throw new HoldfastError('internal', `'${shownPath(entry.path)}' is no special file`);
      default:
        entry.kind satisfies never;
    }
    this.#sum.add(this.#setProperties(entry, path), undefined);
  }

  /** A new file, open for writing. Holes are what is not written. */
  openFile(entry: Entry): number {
    const fd = openSync(this.#make(entry.path), createFlags, 0o600);
    if (entry.isSparse) ftruncateSync(fd, entry.size);
    return fd;
  }

  /** A file that is there, open for more. */
  reopenFile(entry: Entry): number {
    return openSync(this.#folder.reach(entry.path), constants.O_WRONLY | constants.O_NOFOLLOW);
  }

  /** Gives a file that is written its properties, and closes it. `digest` stands for its content. */
  endFile(fd: number, entry: Entry, digest: Uint8Array): void {
    try {
      this.#sum.add(this.#setProperties(entry, this.#folder.reach(entry.path), fd), digest);
    } finally {
      closeSync(fd);
    }
  }

  /** Takes back a file. */
  removeFile(entry: Entry, digest: Uint8Array): void {
    rmSync(this.#folder.reach(entry.path));
    this.#sum.remove(entry, digest);
  }

  /** Sets the folders' own properties, the innermost first. Nothing may be made after that. */
  finish(): void {
    // They are the same files, which have their properties from their first names.
    for (const entry of this.#links) {
      const path = this.#folder.reach(entry.path);
      const { uid, gid, mode } = lstatSync(path);
      const xattrs = entry.xattrs.length > 0 && this.#libc ? this.#libc.xattrs(terminated(path)) : [];
      this.#sum.add({ ...entry, uid, gid, mode: mode & 0o7777, xattrs }, undefined);
    }
    for (const entry of this.#folders.reverse()) {
      const path = this.#folder.reach(entry.path);
      this.#sum.add(this.#setProperties(entry, path), undefined);
    }
  }

  expected(): TreeContent {
    return this.#sum.content();
  }

  remarks(): readonly string[] {
    return [...this.#left].map(([what, { count, first }]) =>
      count === 1 ? `${what}: '${first}'` : `${what}: ${count} files, the first of them '${first}'`,
    );
  }

  /** Where an entry is to be made: what an earlier one of that name has made is gone. */
  #make(path: Buffer): Buffer {
    const reached = this.#folder.reach(path);
    const there = lstatSync(reached, { throwIfNoEntry: false });
    if (there === undefined) return reached;
    if (there.isDirectory()) throw bothKinds(path);
    rmSync(reached);
    return reached;
  }

  #linkTo({ path, target = Buffer.alloc(0) }: Entry): void {
    // Both ways lead through folders that are held open while the link is made; the first is looked at by its own name afterwards.
    const first = this.#folder.reach(target);
    if (lstatSync(first).isDirectory())
      throw new HoldfastError('corrupt', `'${shownPath(path)}' is a link to a folder`);
    const [firstFolder, second] = [holdOpen(first), this.#folder.reach(path)];
    try {
      linkSync(firstFolder.path, second);
    } finally {
      firstFolder.release();
    }
  }

  #makeNode(entry: Entry, path: Buffer): boolean {
    const types = { fifo: 0o010000, 'character-device': 0o020000, 'block-device': 0o060000 } as const;
    const type = types[entry.kind as keyof typeof types];
    try {
      if (this.#libc === undefined) throw Object.assign(new Error('no binding'), { code: 'ENOSYS' });
      this.#libc.makeNode(terminated(path), type | 0o600, entry.device ?? { major: 0, minor: 0 });
      return true;
    } catch (error) {
      if (!mayNot.has(codeOf(error) ?? '')) throw error;
      this.#leave('not made, for which root is needed', entry);
      return false;
    }
  }

  /** The entry as it is now, which is as it should be where this user may set everything. */
  #setProperties(entry: Entry, path: Buffer, fd?: number): Entry {
    let { uid, gid, mode, xattrs } = entry;
    if (this.#isRoot) {
      if (fd === undefined) lchownSync(path, uid, gid);
      else fchownSync(fd, uid, gid);
    } else {
      const stats = lstatSync(path);
      if (stats.uid !== uid || stats.gid !== gid) {
        this.#leave('owner not set, for which root is needed', entry);
        [uid, gid] = [stats.uid, stats.gid];
        // They would lend the rights of an owner that the file never had.
        if ((mode & setIds) !== 0 && entry.kind !== 'folder') {
          this.#leave('set-id bits not set, since the owner is another', entry);
          mode &= ~setIds;
        }
      }
    }
    // While the file may still be written to, which a user's attributes ask for, and before its mode, which an ACL changes.
    if (xattrs.length > 0) xattrs = this.#setXattrs(entry, path);
    if (entry.kind !== 'link') {
      if (fd === undefined) chmodSync(path, mode);
      else fchmodSync(fd, mode);
    }
    if (this.#libc) this.#libc.setTime(terminated(path), entry.mtime);
    else {
      const seconds = Number(entry.mtime / 1000n) / 1_000_000;
      lutimesSync(path, seconds, seconds);
    }
    return { ...entry, uid, gid, mode, xattrs };
  }

  #setXattrs(entry: Entry, path: Buffer): readonly Xattr[] {
    return entry.xattrs.filter(([name, value]) => {
      try {
        if (this.#libc === undefined) throw Object.assign(new Error('no binding'), { code: 'ENOSYS' });
        this.#libc.setXattr(terminated(path), name, value);
        return true;
      } catch (error) {
        if (!mayNot.has(codeOf(error) ?? '')) throw error;
        this.#leave(`attribute '${shownPath(name)}' not set (${codeOf(error)})`, entry);
        return false;
      }
    });
  }

  #leave(what: string, { path }: Entry): void {
    const known = this.#left.get(what);
    if (known) known.count += 1;
    else this.#left.set(what, { count: 1, first: shownPath(path) });
  }
}

const bothKinds = (path: Buffer): HoldfastError =>
  new HoldfastError('corrupt', `the backup has '${shownPath(path)}' both as a folder and as something else`);

const mayNot = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);

/** A path of `SafeFolder`'s that stays good when the next one is reached for. */
function holdOpen(path: Buffer): { readonly path: Buffer; release(): void } {
  const text = path.toString('latin1');
  if (!text.startsWith('/proc/self/fd/')) return { path, release() {} };
  const slash = text.lastIndexOf('/');
  const fd = openSync(Buffer.from(`${text.slice(0, slash)}/.`, 'latin1'), constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    path: Buffer.from(`/proc/self/fd/${fd}/${text.slice(slash + 1)}`, 'latin1'),
    release: () => closeSync(fd),
  };
}
