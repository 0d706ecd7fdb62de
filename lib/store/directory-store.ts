import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, readFile, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HoldfastError } from '../core/errors.ts';
import { cancellation, throwIfCancelled } from './cancellation.ts';
import { listFiles } from './directory-listing.ts';
import { beginDirectoryUpload } from './directory-upload.ts';
import { ensureFolder, fileTag, publishAbsent, publishReplacing, removeEmptyFolders, tagOf } from './durable-files.ts';
import { errorCodeOf, fileError } from './file-errors.ts';
import { StagingArea } from './staging-area.ts';
import type {
  Condition,
  Erased,
  EraseOptions,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectVersion,
  Protection,
  PutOptions,
  Store,
  Upload,
  UploadOptions,
} from './store.ts';
import { assertKey, compareKeys, reservedSegment } from './store-key.ts';

/** How much of a file one chunk of a body holds. */
const chunkBytes = 1024 ** 2;

/** As many as S3 takes in one request. */
const erasedAtATime = 1000;

export type DirectoryStoreOptions = {
  /** Temporary files that nobody has written to for so long belong to a crashed writer, and are removed on opening. @default 24 h */
  readonly staleAfterSeconds?: number;
  readonly clock?: () => Date;
};

/**
 * A store in the folder `path`, one file per object at the path that its key names, so that people can read it with nothing
 * but `ls` and `cp`. What is not an object (files being written, locks, tags) is under `.store/`.
 *
 * The folder has to exist: were it made here, a disk that is not mounted would look like an empty store and be written beside.
 */
export async function openDirectoryStore(path: string, options: DirectoryStoreOptions = {}): Promise<Store> {
  const root = resolve(path);
  const found = await stat(root).catch((error: unknown) => {
    if (errorCodeOf(error) !== 'ENOENT') throw fileError(error, 'open the store', root);
  });
  if (!found?.isDirectory()) {
    throw new HoldfastError('config-invalid', `the store's folder '${root}' does not exist`, {
      hint: `is its disk mounted, and store.path right? Make a new store with: mkdir -p '${root}'`,
    });
  }
  const { staleAfterSeconds = 24 * 3600, clock = () => new Date() } = options;
  const staging = new StagingArea(join(root, reservedSegment, 'tmp'));
  // A store that may only be read (a mounted snapshot, say) still serves restores: the first write says what is wrong.
  await staging.removeStale(new Date(clock().getTime() - staleAfterSeconds * 1000)).catch(() => undefined);
  return new DirectoryStore(root, staging);
}

class DirectoryStore implements Store {
  readonly kind = 'file';
  readonly url: string;
  readonly #root: string;
  readonly #staging: StagingArea;

  constructor(root: string, staging: StagingArea) {
    this.url = pathToFileURL(root).href;
    this.#root = root;
    this.#staging = staging;
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<ObjectInfo> {
    assertKey(key);
    return await this.#attempt(`write '${key}'`, options.signal, async () => {
      // Asked first only to spare the disk the bytes; the answer that counts is given by publishing.
      if (options.condition === 'absent' && (await fileTag(this.#pathOf(key))))
        throw new HoldfastError('already-exists', `'${key}' exists already`);
      const staged = await this.#staging.create();
      try {
        await staged.handle.writeFile(body, { signal: options.signal });
        return await this.#publish(key, staged.path, staged.handle, options);
      } finally {
        await this.#staging.discard(staged);
      }
    });
  }

  async beginUpload(key: string, options: UploadOptions = {}): Promise<Upload> {
    assertKey(key);
    return await this.#attempt(`write '${key}'`, options.signal, async () =>
      beginDirectoryUpload({
        key,
        options,
        staging: this.#staging,
        attempt: (work) => this.#attempt(`write '${key}'`, options.signal, work),
        publish: (staged) => this.#publish(key, staged.path, staged.handle, options),
      }),
    );
  }

  async get(key: string, options: GetOptions = {}): Promise<ObjectBody> {
    assertKey(key);
    const what = `read '${key}'`;
    return await this.#attempt(what, options.signal, async () => {
      const handle = await open(this.#pathOf(key), constants.O_RDONLY | constants.O_NOFOLLOW);
      const found = await handle.stat({ bigint: true });
      if (!found.isFile()) {
        await handle.close();
        throw missing(key, this.#root);
      }
      const info = { key, ...tagOf(found) };
      const start = options.range?.start ?? 0;
      const end = Math.min(options.range?.end ?? info.sizeBytes, info.sizeBytes);
      const body = this.#read(handle, start, end, what, options.signal);
      if (end - start > chunkBytes) return { ...info, body };
      // Small ones are read at once: no file stays open when the caller only wanted to know whether the object is there.
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return { ...info, body: inOrder(chunks) };
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    assertKey(key);
    return await this.#attempt(`look at '${key}'`, undefined, async () => {
      const tag = await fileTag(this.#pathOf(key));
      return tag === undefined ? undefined : { key, ...tag };
    });
  }

  async *list(prefix: string, options: { readonly startAfter?: string } = {}): AsyncIterable<ObjectInfo> {
    try {
      yield* listFiles(this.#root, prefix, options.startAfter ?? '');
    } catch (error) {
      throw fileError(error, `list '${prefix}'`, this.#root);
    }
  }

  discard(key: string): Promise<void> {
    return this.delete(key);
  }

  /**
   * Does not wait for a conditional replacement that is under way: the two then happen in either order. Nothing that is
   * replaced conditionally (the leases) is ever deleted.
   */
  async delete(key: string): Promise<void> {
    assertKey(key);
    const path = this.#pathOf(key);
    await this.#attempt(`delete '${key}'`, undefined, async () => {
      try {
        await unlink(path);
      } catch (error) {
        if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCodeOf(error) ?? '')) throw error;
        return;
      }
      await rm(this.#tagsPathOf(key), { force: true });
      await removeEmptyFolders(dirname(path), this.#root);
    });
  }

  async erase(prefix: string, { modifiedBefore, before, after = '' }: EraseOptions = {}): Promise<Erased> {
    let objects = 0;
    let freedBytes = 0;
    let seen = 0;
    for await (const { key, sizeBytes, modifiedAt } of this.list(prefix, { startAfter: after })) {
      if (before !== undefined && compareKeys(key, before) >= 0) break;
      if (modifiedBefore === undefined || modifiedAt < modifiedBefore) {
        await this.delete(key);
        objects += 1;
        freedBytes += sizeBytes;
      }
      seen += 1;
      if (seen === erasedAtATime) return { objects, freedBytes, retained: [], next: key };
    }
    return { objects, freedBytes, retained: [] };
  }

  async protection(key: string): Promise<Protection> {
    assertKey(key);
    return { isHeld: false, lockedUntil: undefined };
  }

  async setLegalHold(key: string): Promise<boolean> {
    assertKey(key);
    return false;
  }

  abandonUploads(before: Date): Promise<number> {
    return this.#attempt('abandon unfinished uploads', undefined, () => this.#staging.removeStale(before));
  }

  async versions(key: string): Promise<readonly ObjectVersion[]> {
    const found = await this.head(key);
    return found === undefined ? [] : [{ ...found, versionId: 'null', isLatest: true, isDeleted: false }];
  }

  async tags(key: string): Promise<Readonly<Record<string, string>>> {
    if ((await this.head(key)) === undefined) throw missing(key, this.#root);
    return await this.#attempt(`read the tags of '${key}'`, undefined, async () => {
      const text = await readFile(this.#tagsPathOf(key), 'utf8').catch((error: unknown) => {
        if (errorCodeOf(error) === 'ENOENT') return '{}';
        throw error;
      });
      return JSON.parse(text) as Record<string, string>;
    });
  }

  async setTags(key: string, tags: Readonly<Record<string, string>>): Promise<void> {
    if ((await this.head(key)) === undefined) throw missing(key, this.#root);
    await this.#attempt(`tag '${key}'`, undefined, () => this.#writeTags(key, tags));
  }

  async close(): Promise<void> {}

  /**
   * Invariant: the object's path holds nothing, or the whole of one object's bytes, synced.
   *
   * 1. The staged file is synced.            Crash: a temporary file, removed by age.
   * 2. It gets the object's name atomically. Crash: the object is there whole; after a power failure perhaps not, but then
   *                                          nobody was told that it is.
   * 3. The folder is synced, tags written.   Crash before the tags: an object without tags, whose writer did not return.
   */
  async #publish(
    key: string,
    staged: string,
    handle: FileHandle,
    options: { readonly condition?: Condition; readonly tags?: Readonly<Record<string, string>>; signal?: AbortSignal },
  ): Promise<ObjectInfo> {
    await handle.sync();
    throwIfCancelled(options.signal);
    const path = this.#pathOf(key);
    const { condition } = options;
    try {
      if (condition === 'absent') {
        await publishAbsent(staged, path);
      } else {
        const isReplaced = await publishReplacing(staged, path, {
          lock: join(this.#root, reservedSegment, 'locks', hashOf(key)),
          temporaryFolder: this.#staging.folder,
          accepts: (current) => condition === undefined || current?.etag === condition.etag,
        });
        if (!isReplaced) throw new HoldfastError('already-exists', `'${key}' is no longer the object that was read`);
      }
    } catch (error) {
      if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(errorCodeOf(error) ?? '')) throw error;
      throw new HoldfastError('already-exists', `'${key}' exists already, or shares its path with another object`);
    }
    await this.#writeTags(key, options.tags ?? {});
    const info = tagOf(await handle.stat({ bigint: true }));
    return { key, ...info };
  }

  async #writeTags(key: string, tags: Readonly<Record<string, string>>): Promise<void> {
    const path = this.#tagsPathOf(key);
    if (Object.keys(tags).length === 0) {
      await rm(path, { force: true });
      return;
    }
    const staged = await this.#staging.create();
    try {
      await staged.handle.writeFile(JSON.stringify(tags));
      await staged.handle.sync();
      await ensureFolder(dirname(path));
      await this.#staging.moveTo(staged, path);
    } finally {
      await this.#staging.discard(staged);
    }
  }

  async *#read(
    handle: FileHandle,
    start: number,
    end: number,
    what: string,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Uint8Array> {
    try {
      for (let position = start; position < end; ) {
        throwIfCancelled(signal);
        const wanted = Math.min(chunkBytes, end - position);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position);
        if (bytesRead === 0)
          throw new HoldfastError('corrupt', `cannot ${what}: the file was cut short while it was read`);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw fileError(error, what, this.#root);
    } finally {
      await handle.close();
    }
  }

  async #attempt<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    throwIfCancelled(signal);
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted && !(error instanceof HoldfastError)) throw cancellation(signal);
      throw fileError(error, what, this.#root);
    }
  }

  #pathOf(key: string): string {
    return join(this.#root, ...key.split('/'));
  }

  #tagsPathOf(key: string): string {
    return join(this.#root, reservedSegment, 'tags', `${hashOf(key)}.json`);
  }
}

async function* inOrder(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

function missing(key: string, root: string): HoldfastError {
  return new HoldfastError('object-missing', `there is no object '${key}' in '${root}'`);
}
