import { chmodSync, fchmodSync, fchownSync, fstatSync, futimesSync, lchownSync, lstatSync, lutimesSync } from 'node:fs';
import { openLibc, type Xattr } from '../native/libc.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { terminated } from '../tree/read-entry.ts';

const setIds = 0o6000;

/** What was not set of how many entries, the first of which is named. */
export type Unset = { readonly what: string; readonly count: number; readonly first: string };

/** Sets owners, modes, times and attributes, and accounts for what this user may not set. */
export class EntryProperties {
  readonly #libc = openLibc();
  readonly #isRoot = process.geteuid?.() === 0;
  readonly #unset = new Map<string, { count: number; readonly first: string }>();

  /** Returns the entry as it is now, which is as it should be where this user may set everything. A file is open as `fd`. */
  set(entry: Entry, path: Buffer, fd?: number): Entry {
    let { uid, gid, mode, xattrs } = entry;
    if (this.#isRoot) {
      if (fd === undefined) lchownSync(path, uid, gid);
      else fchownSync(fd, uid, gid);
    } else {
      const stats = fd === undefined ? lstatSync(path) : fstatSync(fd);
      if (stats.uid !== uid || stats.gid !== gid) {
        this.leave('owner not set, for which root is needed', entry);
        [uid, gid] = [stats.uid, stats.gid];
        // They would lend the rights of an owner that the file never had.
        if ((mode & setIds) !== 0 && entry.kind !== 'folder') {
          this.leave('set-id bits not set, since the owner is another', entry);
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
    this.#setTime(entry.mtime, path, fd);
    return { ...entry, uid, gid, mode, xattrs };
  }

  /** An entry's attributes as they are. */
  xattrsOf(path: Buffer): readonly Xattr[] {
    return this.#libc?.xattrs(terminated(path)) ?? [];
  }

  /** Remembers what was not done for an entry. */
  leave(what: string, { path }: Pick<Entry, 'path'>): void {
    this.add({ what, count: 1, first: shownPath(path) });
  }

  /** Takes in what others have left. */
  add({ what, count, first }: Unset): void {
    const known = this.#unset.get(what);
    if (known) known.count += count;
    else this.#unset.set(what, { count, first });
  }

  unset(): readonly Unset[] {
    return [...this.#unset].map(([what, { count, first }]) => ({ what, count, first }));
  }

  #setTime(mtime: bigint, path: Buffer, fd: number | undefined): void {
    if (this.#libc) {
      this.#libc.setTime(fd ?? terminated(path), mtime);
      return;
    }
    const seconds = Number(mtime / 1000n) / 1_000_000;
    if (fd === undefined) lutimesSync(path, seconds, seconds);
    else futimesSync(fd, seconds, seconds);
  }

  #setXattrs(entry: Entry, path: Buffer): readonly Xattr[] {
    return entry.xattrs.filter(([name, value]) => {
      try {
        if (this.#libc === undefined) throw Object.assign(new Error('no binding'), { code: 'ENOSYS' });
        this.#libc.setXattr(terminated(path), name, value);
        return true;
      } catch (error) {
        if (!mayNot.has(codeOf(error) ?? '')) throw error;
        this.leave(`attribute '${shownPath(name)}' not set (${codeOf(error)})`, entry);
        return false;
      }
    });
  }
}

/** What a system says to somebody who may not, or of what it does not know. */
export const mayNot: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);
