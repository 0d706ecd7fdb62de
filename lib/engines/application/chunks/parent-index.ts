import type { StreamRecord } from '../../../core/manifest.ts';
import type { BackupReader } from '../../engine.ts';
import type { KnownFile } from '../tree/read-files.ts';
import type { EarlierChunk } from '../tree/sink.ts';
import { backupsOf } from './chain.ts';
import { smallestChunk } from './cut.ts';
import type { ChunkPlace, FileChunk, IndexEntry } from './index-line.ts';
import { openIndex, readChunksNamed } from './read-index.ts';

/** The index of a tree in the backup that the new one builds on. It is read twice: once for the chunks that there are, once beside the tree. */
export class ParentIndex {
  readonly #reader: BackupReader;
  readonly #record: StreamRecord;
  #entries: AsyncGenerator<IndexEntry, void> | undefined;
  #next: IndexEntry | undefined;
  readonly #waiting = new Map<string, IndexEntry>();

  constructor(reader: BackupReader, record: StreamRecord) {
    this.#reader = reader;
    this.#record = record;
  }

  /** All chunks that it names, by their SHA-256 in hexadecimal digits, and the backups in which they are. */
  async chunks(): Promise<{ readonly backups: readonly string[]; readonly places: Map<string, ChunkPlace> }> {
    const places = new Map<string, ChunkPlace>();
    const { backups } = await readChunksNamed(this.#bytes(), ({ id, backup, offset, length }) =>
      places.set(id, { backup, offset, length }),
    );
    return { backups: backupsOf(backups, this.#reader.manifest.backupId), places };
  }

  /**
   * What the files of these paths were, in the order in which a tree is walked; `withChunks` also of what the larger ones consisted, but for
   * very large ones. An entry that is looked up is kept until it is taken.
   */
  async lookUp(
    paths: readonly Buffer[],
    { withChunks }: { readonly withChunks: boolean },
  ): Promise<readonly (KnownFile | undefined)[]> {
    this.#entries ??= (await openIndex(this.#bytes())).entries;
    let left = withChunks ? mostToldChunks : 0;
    const found: (KnownFile | undefined)[] = [];
    for (const path of paths) {
      while (this.#next === undefined || inWalkOrder(this.#next.entry.path, path) < 0) {
        const { value, done } = await this.#entries.next();
        if (done) break;
        this.#next = value;
      }
      const entry = this.#next;
      if (entry?.entry.path.equals(path) && entry.entry.kind === 'file') {
        this.#waiting.set(path.toString('latin1'), entry);
        const { signature, size } = entry.entry;
        const chunks = size > smallestChunk ? entry.chunks.slice(0, left).map(earlierOf) : [];
        left -= chunks.length;
        found.push({ signature, ...(chunks.length > 0 && { chunks }) });
      } else found.push(undefined);
    }
    return found;
  }

  /** The entry of a path that was looked up; it is forgotten then. */
  take(path: string): IndexEntry | undefined {
    const entry = this.#waiting.get(path);
    this.#waiting.delete(path);
    return entry;
  }

  async end(): Promise<void> {
    await this.#entries?.return();
  }

  #bytes(): AsyncIterable<Uint8Array> {
    return this.#reader.read(this.#reader.manifest.backupId, this.#record);
  }
}

/** The chunks of so many are told with some paths, at most. */
const mostToldChunks = 16_384;

const earlierOf = ({ id, length }: FileChunk): EarlierChunk => ({
  id: Buffer.from(id, 'hex').toString('latin1'),
  length,
});

/** A folder comes before what is in it, and that before whatever has a greater name than the folder: a slash is the least of all bytes. */
export function inWalkOrder(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [a, b] = [one[at] as number, other[at] as number];
    if (a === b) continue;
    if (a === 0x2f) return -1;
    return b === 0x2f ? 1 : a - b;
  }
  return one.length - other.length;
}
