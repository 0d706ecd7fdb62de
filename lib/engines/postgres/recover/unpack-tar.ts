import { closeSync, existsSync, fstatSync, ftruncateSync, lstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { HoldfastError } from '../../../core/errors.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';
import { isInside } from '../../application/tar/inspect-tar.ts';
import { TarReader, type TarVisitor } from '../../application/tar/tar-reader.ts';
import type { Entry } from '../../application/tree/entry.ts';
import { ChangedBlocks, type FileLength, pageBytes } from './changed-blocks.ts';
import { FileWrites, type OpenFile, setOwner } from './file-writes.ts';

export type Unpacked = { readonly files: number; readonly bytes: number };

export type UnpackOptions = {
  /** Who owns what is made. @default - this process */
  readonly account: ServerAccount | undefined;
  /** Under which name a file is made; undefined leaves it out. Each byte of a name is a character. */
  readonly nameOf: (name: string) => string | undefined;
  /** Told the name of everything that the archive holds, when it goes over what an earlier backup has left in the folder. @default - the folder is new */
  readonly onOver?: ((name: string) => void) | undefined;
  readonly onBytes: (count: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Makes the files and folders of an archive in `folder` as its bytes come, each with the mode that the archive says. Links are left out: those of
 * a data directory lead to tablespaces, whose places are another's to say. Over an earlier backup, a file that holds what has changed of another
 * is written into that one. Each chunk is taken over. Rejects with `corrupt`, `dump-incomplete`, or what the disk says.
 */
export async function unpackTar(
  bytes: AsyncIterable<Uint8Array>,
  folder: string,
  options: UnpackOptions,
): Promise<Unpacked> {
  const { signal, onBytes } = options;
  const files = new ArchivedFiles(folder, options);
  const reader = new TarReader(files);
  let count = 0;
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      count += chunk.length;
      reader.push(chunk);
      await files.writes.passed(chunk);
      onBytes(count);
    }
    reader.end();
  } catch (error) {
    files.end();
    await files.writes.settle().catch(() => undefined);
    throw error;
  }
  await files.writes.settle();
  return files.total;
}

/** Makes what an archive holds. */
class ArchivedFiles implements TarVisitor {
  readonly writes: FileWrites;
  readonly total = { files: 0, bytes: 0 };
  readonly #folder: Buffer;
  readonly #options: UnpackOptions;
  #file: OpenFile | undefined;
  #changes: ChangedBlocks | undefined;
  #position = 0;

  constructor(folder: string, options: UnpackOptions) {
    this.#folder = Buffer.from(`${folder}/`);
    this.#options = options;
    this.writes = new FileWrites(options.account);
  }

  begin({ path, kind, mode, size }: Entry): void {
    // Names in it are the server's own; one that leads elsewhere was never one.
    if (!isInside(path))
      throw new HoldfastError('corrupt', `the archive of a base backup has an entry '${path}', which leads out of it`);
    const { nameOf, onOver } = this.#options;
    const name = path.toString('latin1');
    const changed = onOver && nameOfChanged(name);
    onOver?.(changed ?? name);
    const wanted = nameOf(changed ?? name);
    if (wanted === undefined || (kind !== 'file' && kind !== 'folder')) return;
    const target = Buffer.concat([this.#folder, Buffer.from(wanted, 'latin1')]);
    if (kind === 'folder') {
      makeFolder(target, mode, this.#options);
      return;
    }
    this.total.files += 1;
    this.total.bytes += size;
    this.#position = 0;
    if (changed === undefined) {
      // Its owner may not write to what the earlier backup left here, or it was a folder then.
      if (onOver) rmSync(target, { recursive: true, force: true });
      this.#file = this.writes.open(target, 'wx', mode);
      return;
    }
    if (!existsSync(target))
      throw new HoldfastError(
        'restore-failed',
        `the chain is torn: '${changed}' has changed, and no earlier backup has it`,
      );
    this.#changes = new ChangedBlocks(size);
    this.#file = this.writes.open(target, 'r+', mode);
  }

  data(bytes: Uint8Array): undefined {
    const file = this.#file;
    if (file === undefined) return;
    if (this.#changes === undefined) {
      this.writes.write(file, bytes, this.#position);
      this.#position += bytes.length;
      return;
    }
    for (const change of this.#changes.push(bytes))
      if ('length' in change) setLength(file, change.length);
      else this.writes.write(file, change.piece, change.at);
  }

  /** Of the file that is being written, no more comes. */
  end(): undefined {
    if (this.#file) this.writes.end(this.#file);
    this.#file = undefined;
    this.#changes = undefined;
  }
}

/** Folders of relations, in the cluster or a tablespace; nothing else comes as what has changed of it. */
const changedFile = /^((?:base\/\d+|global|PG_\d+_\d+\/\d+)\/)INCREMENTAL\.([^/]+)$/;

/** The file of which that one says what has changed; undefined when it is a file like others. */
function nameOfChanged(name: string): string | undefined {
  const [, folder, file] = changedFile.exec(name) ?? [];
  return file === undefined ? undefined : `${folder}${file}`;
}

/** What was cut off since the earlier backup does not come back, however long the file is now. */
function setLength({ fd }: OpenFile, { kept, full }: FileLength): void {
  const { size } = fstatSync(fd);
  const keptBytes = Math.min(Math.floor(size / pageBytes), kept) * pageBytes;
  if (keptBytes !== size) ftruncateSync(fd, keptBytes);
  if (keptBytes !== full * pageBytes) ftruncateSync(fd, full * pageBytes);
}

function makeFolder(target: Buffer, mode: number, { account, onOver }: UnpackOptions): void {
  if (onOver && lstatSync(target, { throwIfNoEntry: false })?.isFile()) rmSync(target);
  mkdirSync(target, { recursive: true, mode });
  const fd = openSync(target, 'r');
  try {
    setOwner(fd, mode, account);
  } finally {
    closeSync(fd);
  }
}
