import { closeSync, constants, linkSync, lstatSync, mkdirSync, openSync, rmSync, symlinkSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { openLibc } from '../native/libc.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { terminated } from '../tree/read-entry.ts';
import { type TreeContent, TreeSum } from '../tree/tree-content.ts';
import { EntryProperties, mayNot } from './entry-properties.ts';
import type { SafeFolder } from './safe-folder.ts';
import { bothKinds } from './step-writer.ts';
import { type NewFile, WritePool } from './write-pool.ts';

/**
 * Makes entries in a folder that is nobody else's yet, files several at a time. What this user may not set is left as it comes, and accounted for:
 * `expected` is the content as it has to be then, and `remarks` say what was left.
 */
export class TreeWriter implements AsyncDisposable {
  readonly #folder: SafeFolder;
  readonly #files: WritePool;
  readonly #properties = new EntryProperties();
  readonly #sum = new TreeSum();
  readonly #folders: Entry[] = [];
  readonly #links: Entry[] = [];

  /** `writers`: threads that write files, at most. */
  constructor(folder: SafeFolder, options: { readonly writers: number; readonly signal: AbortSignal }) {
    this.#folder = folder;
    this.#files = new WritePool(folder.root, options);
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

  /** A new file. */
  beginFile(entry: Entry): NewFile {
    return this.#files.begin(entry);
  }

  /** Resolves when there is room for more content. Rejects with what the writing of files has failed with. */
  room(): Promise<void> {
    return this.#files.room();
  }

  /** Everything that is neither folder nor file. */
  addSpecial(entry: Entry): void {
    // Its file may be still to come: names are given when all files are there.
    if (entry.kind === 'hard-link') {
      this.#links.push(entry);
      return;
    }
    const path = this.#make(entry.path);
    switch (entry.kind) {
      case 'link':
        symlinkSync(entry.target ?? Buffer.alloc(0), path);
        break;
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
    this.#sum.add(this.#properties.set(entry, path), undefined);
  }

  /** Waits for the files, and sets the folders' own properties, the innermost first. Nothing may be made after that. */
  async finish(): Promise<void> {
    const { sums, unset } = await this.#files.end();
    this.#sum.addAll(sums);
    for (const one of unset) this.#properties.add(one);
    for (const entry of this.#links) this.#linkTo(entry);
    // They are the same files, which have their properties from their first names.
    for (const entry of this.#links) {
      const path = this.#folder.reach(entry.path);
      const { uid, gid, mode } = lstatSync(path);
      const xattrs = entry.xattrs.length > 0 ? this.#properties.xattrsOf(path) : [];
      this.#sum.add({ ...entry, uid, gid, mode: mode & 0o7777, xattrs }, undefined);
    }
    for (const entry of this.#folders.reverse())
      this.#sum.add(this.#properties.set(entry, this.#folder.reach(entry.path)), undefined);
  }

  expected(): TreeContent {
    return this.#sum.content();
  }

  remarks(): readonly string[] {
    return this.#properties
      .unset()
      .map(({ what, count, first }) =>
        count === 1 ? `${what}: '${first}'` : `${what}: ${count} files, the first of them '${first}'`,
      );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#files.close();
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
    this.#make(path);
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
      const libc = openLibc();
      if (libc === undefined) throw Object.assign(new Error('no binding'), { code: 'ENOSYS' });
      libc.makeNode(terminated(path), type | 0o600, entry.device ?? { major: 0, minor: 0 });
      return true;
    } catch (error) {
      if (!mayNot.has(codeOf(error) ?? '')) throw error;
      this.#properties.leave('not made, for which root is needed', entry);
      return false;
    }
  }
}

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
