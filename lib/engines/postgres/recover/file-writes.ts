import { closeSync, fchmodSync, fchownSync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { freeMemory } from '../../../pipeline/free-memory.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';

const writeAsync = promisify(write);

/** A piece of less is written at once: to hand it to another thread costs more than the copy into the file system's memory. */
const smallBytes = 128 * 1024;
/** Of the chunks that pieces are cut from, so many may be on their way to the disk. */
const chunksInFlight = 4;

/** A file that is being written; it is closed when its last byte is. */
export type OpenFile = { readonly fd: number; pending: number; isEnded: boolean };

/**
 * Writes pieces of files, and gives the memory of the chunks that they are cut from back when they are written. What fails is kept, for
 * whoever asks next.
 */
export class FileWrites {
  readonly #account: ServerAccount | undefined;
  readonly #chunks: Promise<unknown>[] = [];
  /** Of the chunk that is being cut up. */
  #writes: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;

  /** `account`: who owns what is made, where it is not this process. */
  constructor(account: ServerAccount | undefined) {
    this.#account = account;
  }

  /** Opens a file to write, with that mode. With `r+` it keeps what it has. */
  open(file: string | Buffer, flags: 'wx' | 'w' | 'r+', mode: number): OpenFile {
    const fd = openSync(file, flags, 0o600);
    if (flags === 'r+') return { fd, pending: 0, isEnded: false };
    try {
      setOwner(fd, mode, this.#account);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return { fd, pending: 0, isEnded: false };
  }

  write(file: OpenFile, piece: Uint8Array, at: number): void {
    if (piece.length < smallBytes) {
      for (let done = 0; done < piece.length; ) done += writeSync(file.fd, piece, done, piece.length - done, at + done);
      return;
    }
    file.pending += 1;
    this.#writes.push(this.#writeWhole(file, piece, at));
  }

  /** Nothing more is written to it. */
  end(file: OpenFile): void {
    file.isEnded = true;
    if (file.pending === 0) closeSync(file.fd);
  }

  /** The chunk was cut up; resolves when there is room for the next one. Rejects with what has failed meanwhile. */
  async passed(chunk: Uint8Array): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    if (writes.length === 0) freeMemory(chunk);
    else this.#chunks.push(Promise.all(writes).then(() => freeMemory(chunk)));
    if (this.#chunks.length >= chunksInFlight) await this.#chunks.shift();
    this.#throwFailure();
  }

  /** Resolves when nothing is on its way any more. Rejects with what has failed. */
  async settle(): Promise<void> {
    await Promise.all([...this.#chunks, ...this.#writes]);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #writeWhole(file: OpenFile, piece: Uint8Array, at: number): Promise<void> {
    try {
      for (let done = 0; done < piece.length; )
        done += (await writeAsync(file.fd, piece, done, piece.length - done, at + done)).bytesWritten;
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      file.pending -= 1;
      if (file.isEnded && file.pending === 0) closeSync(file.fd);
    }
  }
}

/** Gives an open file or folder that mode and owner: the mask of this process has a say in what `open` makes, and none in this. */
export function setOwner(fd: number, mode: number, account: ServerAccount | undefined): void {
  fchmodSync(fd, mode & 0o7777);
  if (account) fchownSync(fd, account.uid, account.gid);
}
