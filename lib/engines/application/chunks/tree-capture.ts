import { hash } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';
import type { BackupReader, CaptureResult, EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Connection, TreeSettings } from '../connection.ts';
import { throwIfStopped, translated } from '../errors.ts';
import { requireFolder, requireSomething } from '../source.ts';
import { Choice } from '../tree/choice.ts';
import { OmissionList } from '../tree/omission-list.ts';
import type { Part } from '../tree/read-files.ts';
import { readTree } from '../tree/read-tree.ts';
import { TreeSum } from '../tree/tree-content.ts';
import { attributesRemark } from '../tree/without-libc.ts';
import { ownBackup, readChunks } from './chain.ts';
import { digestOfChunks } from './chunk-sink.ts';
import { IndexDraft } from './index-draft.ts';
import { type ChunkPlace, indexFormat } from './index-line.ts';
import { ChunkSum } from './inspect-chunks.ts';
import { chunkHeaderBytes, packMagic, packRecord, packsEnd } from './pack.ts';
import { ParentIndex } from './parent-index.ts';

type Options = {
  readonly connection: Connection;
  readonly tree: TreeSettings;
  readonly parent: BackupReader | undefined;
  /** May chunks stay where earlier backups have them? */
  readonly isChained: boolean;
};

/** The capture of one tree as chunks: first its packs, while the tree is read, and then its index. */
export class TreeCapture {
  readonly #context: EngineContext;
  readonly #options: Options;
  readonly #omissions: OmissionList;
  readonly #sum = new TreeSum();
  readonly #chunkSum = new ChunkSum();
  readonly #draft = new IndexDraft();
  /** Where the chunks are that the index may name, by SHA-256 in hexadecimal digits. */
  #places = new Map<string, ChunkPlace>();
  /** Where chunks are that have to be copied before the index may name them. */
  #elsewhere = new Map<string, ChunkPlace>();
  readonly #toCopy = new Set<string>();
  #parentBackups: readonly string[] = [];
  #parent: ParentIndex | undefined;
  /** Plain bytes of the packs so far. */
  #position = 0;
  #ids: string[] = [];
  #unread = { files: 0, bytes: 0 };

  constructor(context: EngineContext, options: Options) {
    this.#context = context;
    this.#options = options;
    this.#omissions = new OmissionList(options.tree.tolerate);
  }

  /** The chunks that are new, in the order in which the files are read. */
  async *packs(): AsyncGenerator<Uint8Array, void> {
    const { tree, connection } = this.#options;
    requireFolder(tree);
    let files = 0;
    try {
      await this.#openParent();
      yield this.#emit(Buffer.from(packMagic));
      for await (const part of this.#read()) {
        for (const omission of part.omissions) this.#omissions.add(omission);
        this.#sum.addAll(part.sums);
        for (const sum of part.sums) files += sum.files;
        yield* this.#takeItems(part);
      }
      yield* this.#copy();
      yield this.#emit(packsEnd());
    } catch (error) {
      throw this.#context.signal.aborted
        ? stopReason(this.#context.signal, `the reading of tree '${tree.name}'`)
        : translated(error, `tree '${tree.name}'`);
    } finally {
      await this.#parent?.end();
    }
    requireSomething(tree, connection, files + this.#unread.files);
  }

  packsResult(): CaptureResult {
    return { content: this.#chunkSum.content(), facts: {} };
  }

  /** The index; the packs have been read to their end. */
  async *index(): AsyncGenerator<Uint8Array, void> {
    const { tree, isChained } = this.#options;
    const backups = isChained ? [...this.#parentBackups, ownBackup] : [ownBackup];
    yield Buffer.from(`${JSON.stringify({ format: indexFormat, version: 1, tree: tree.name, backups })}\n`);
    for (const text of this.#draft.lines((id) => this.#places.get(id))) {
      throwIfStopped(this.#context.signal, `the index of tree '${tree.name}'`);
      yield Buffer.from(text);
    }
    yield Buffer.from(`${JSON.stringify({ end: true, entries: this.#draft.entries })}\n`);
  }

  indexResult(): CaptureResult {
    const { content, unownedDigests } = this.#sum.content();
    const { omissions, remarks = [] } = this.#omissions.result();
    const said = [...remarks, ...attributesRemark()];
    return {
      content,
      facts: {
        path: this.#options.tree.path,
        unownedDigests,
        unreadFiles: this.#unread.files,
        unreadBytes: this.#unread.bytes,
      },
      ...(omissions && { omissions }),
      ...(said.length > 0 && { remarks: said }),
    };
  }

  /** What is in the parent need not be stored again, or at least not be read again. */
  async #openParent(): Promise<void> {
    const { parent, tree, isChained } = this.#options;
    const record = parent?.manifest.streams.find(
      ({ kind, name, status, format }) =>
        kind === 'tree' && name === tree.name && status === 'complete' && format === indexFormat,
    );
    if (parent === undefined || record === undefined) return;
    this.#parent = new ParentIndex(parent, record);
    const { backups, places } = await this.#parent.chunks();
    this.#parentBackups = backups;
    if (isChained) this.#places = places;
    else this.#elsewhere = places;
  }

  #read(): AsyncGenerator<Part, void> {
    const { tree, connection, isChained } = this.#options;
    const parent = this.#parent;
    return readTree({
      root: Buffer.from(tree.path),
      choice: new Choice(tree),
      sink: 'chunks',
      oneFileSystem: connection.oneFileSystem,
      readers: connection.readers,
      signal: this.#context.signal,
      // Whoever builds on none has to be given all bytes.
      ...(parent && { knownOf: (paths: readonly Buffer[]) => parent.lookUp(paths, { withChunks: isChained }) }),
    });
  }

  *#takeItems({ items = [], bytes }: Part): Generator<Uint8Array, void> {
    const content = bytes ?? new Uint8Array(0);
    let [from, to] = [0, 0];
    for (const item of items) {
      const chunk = item.kind === 'chunk' ? item : item.kind === 'entry' ? item.only : undefined;
      if (chunk !== undefined) {
        const digest = Buffer.from(chunk.id, 'latin1');
        const id = digest.toString('hex');
        this.#ids.push(id);
        if (!this.#places.has(id)) {
          if (chunk.start === undefined) throw new HoldfastError('internal', 'a chunk has no bytes that was not there');
          if (chunk.start !== to) {
            if (to > from) yield this.#emit(content.subarray(from, to));
            from = chunk.start;
          }
          const offset = this.#position + (chunk.start - from) + chunkHeaderBytes;
          this.#place(id, digest, offset, chunk.length);
          to = chunk.start + chunkHeaderBytes + chunk.length;
        }
      }
      if (item.kind === 'begin') this.#ids = [];
      else if (item.kind === 'unchanged') this.#takeUnchanged(item.path);
      else if (item.kind === 'entry') {
        this.#draft.add(item.line, this.#ids, item);
        this.#parent?.take(item.path);
        this.#ids = [];
      }
    }
    if (to > from) yield this.#emit(content.subarray(from, to));
  }

  /** A file that is as it was: its chunks are known, and nothing of it was read. */
  #takeUnchanged(path: string): void {
    const known = this.#parent?.take(path);
    if (known === undefined) throw new HoldfastError('internal', 'a file is unchanged that was not known');
    const { entry, chunks, begun } = known;
    const ids = chunks.map(({ id }) => id);
    for (const id of ids) if (!this.#places.has(id)) this.#toCopy.add(id);
    this.#draft.add(begun, ids);
    this.#sum.add(entry, digestOfChunks(ids.map((id) => Buffer.from(id, 'hex'))));
    this.#unread.files += 1;
    this.#unread.bytes += entry.size;
  }

  /** Chunks that only earlier backups have come over from there, each proved by its SHA-256. */
  async *#copy(): AsyncGenerator<Uint8Array, void> {
    const { parent, tree } = this.#options;
    if (parent === undefined) return;
    const wanted = [...this.#toCopy]
      .filter((id) => !this.#places.has(id))
      .map((id) => ({ id, ...(this.#elsewhere.get(id) as ChunkPlace) }));
    for (const [backup, places] of Map.groupBy(wanted, (place) => place.backup)) {
      for await (const { place, bytes } of readChunks(parent, this.#parentBackups[backup] ?? '', tree.name, places)) {
        throwIfStopped(this.#context.signal, `the copying of tree '${tree.name}'`);
        const digest = Buffer.from(place.id, 'hex');
        if (!hash('sha256', bytes, 'buffer').equals(digest))
          throw new HoldfastError(
            'corrupt',
            `a chunk of '${this.#parentBackups[backup]}' is not what its SHA-256 says`,
          );
        yield this.#emit(packRecord(digest, bytes.length));
        this.#place(place.id, digest, this.#position, bytes.length);
        yield this.#emit(bytes);
      }
    }
  }

  #place(id: string, digest: Buffer, offset: number, length: number): void {
    const backup = this.#options.isChained ? this.#parentBackups.length : 0;
    this.#places.set(id, { backup, offset, length });
    this.#chunkSum.add(digest, length);
  }

  #emit(bytes: Uint8Array): Uint8Array {
    this.#position += bytes.length;
    return bytes;
  }
}
