import { closeSync, constants, ftruncateSync, lstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { codeOf } from '../tree/omission.ts';
import { type FolderSum, TreeSum } from '../tree/tree-content.ts';
import { EntryProperties, type Unset } from './entry-properties.ts';
import type { SafeFolder } from './safe-folder.ts';
import { fileOfText, type RemoveStep, type WriteStep } from './write-messages.ts';

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const reopenFlags = constants.O_WRONLY | constants.O_NOFOLLOW;

/** Makes files piece by piece in a folder that is nobody else's yet, one call after another. */
export class StepWriter {
  readonly #folder: SafeFolder;
  readonly #properties = new EntryProperties();
  readonly #sum = new TreeSum();
  /** The file whose next piece may come next. */
  #open: { readonly path: string; readonly fd: number } | undefined;
  #last: { readonly entry: Entry; readonly digest: Buffer } | undefined;

  constructor(folder: SafeFolder) {
    this.#folder = folder;
  }

  take(step: WriteStep | RemoveStep, bytes: Uint8Array): void {
    if ('removed' in step) this.#remove(Buffer.from(step.removed, 'latin1'));
    else this.#write(step, bytes.subarray(step.start, step.start + step.length));
  }

  /** What was made, summed. */
  end(): { readonly sums: readonly FolderSum[]; readonly unset: readonly Unset[] } {
    this.close();
    return { sums: this.#sum.sums(), unset: this.#properties.unset() };
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #write({ path, position, size, isSparse, end }: WriteStep, content: Uint8Array): void {
    const fd = this.#openFor(path, size, isSparse);
    if (isSparse) writePages(fd, content, position);
    else writeAll(fd, content, position);
    if (end === undefined) return;
    const entry = fileOfText(end.file);
    const digest = Buffer.from(end.digest, 'latin1');
    // An attribute is set by name.
    const name = entry.xattrs.length > 0 ? this.#folder.reach(entry.path) : entry.path;
    this.#last = { entry: this.#properties.set(entry, name, fd), digest };
    this.#sum.add(this.#last.entry, digest);
    this.close();
  }

  #openFor(path: string, size: number | undefined, isSparse: boolean): number {
    if (this.#open?.path === path && size === undefined) return this.#open.fd;
    this.close();
    const bytes = Buffer.from(path, 'latin1');
    const fd = size === undefined ? openSync(this.#folder.reach(bytes), reopenFlags) : this.#create(bytes);
    this.#open = { path, fd };
    // Holes are what is not written.
    if (size !== undefined && isSparse) ftruncateSync(fd, size);
    return fd;
  }

  /** A new file: what an earlier entry of that name has made is gone. */
  #create(path: Buffer): number {
    const reached = this.#folder.reach(path);
    try {
      return openSync(reached, createFlags, 0o600);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    if (lstatSync(reached).isDirectory()) throw bothKinds(path);
    rmSync(reached);
    return openSync(reached, createFlags, 0o600);
  }

  #remove(path: Buffer): void {
    this.close();
    if (!this.#last?.entry.path.equals(path)) throw new HoldfastError('internal', 'what was not made is taken back');
    rmSync(this.#folder.reach(path));
    this.#sum.remove(this.#last.entry, this.#last.digest);
  }
}

/** What a backup says that no file system can hold. */
export const bothKinds = (path: Buffer): HoldfastError =>
  new HoldfastError('corrupt', `the backup has '${shownPath(path)}' both as a folder and as something else`);

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

/** Holes begin and end with pages, or larger blocks. */
const pageBytes = 4096;
const zeros = Buffer.alloc(pageBytes);

/** Writes what is not nothing but zeros. */
function writePages(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    // A page of the file, not of the piece.
    end = Math.min(bytes.length, at + pageBytes - ((position + at) % pageBytes));
    const page = bytes.subarray(at, end);
    if (!zeros.subarray(0, page.length).equals(page)) writeAll(fd, page, position + at);
  }
}
