import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { HoldfastError } from '../../../core/errors.ts';
import { type ChunkPlace, endLine } from './index-line.ts';

const blockCharacters = 1_048_576;

/**
 * The lines of an index before it is known where their chunks will be: kept compressed in memory, some thirty bytes for a file, and never on a
 * disk, where they would lie in the clear.
 */
export class IndexDraft {
  readonly #blocks: Buffer[] = [];
  #lines: string[] = [];
  #characters = 0;
  /** The last line, which may have to give way to another. */
  #last: string | undefined;
  #entries = 0;

  get entries(): number {
    return this.#entries;
  }

  /**
   * `begun` is a line as `entryLine` gives it; `ids` are the chunks' SHA-256 in hexadecimal digits. `isAgain`: in place of the line that came last, since
   * its file was read again.
   */
  add(begun: string, ids: readonly string[], { isAgain = false }: { readonly isAgain?: boolean } = {}): void {
    if (!isAgain) {
      this.#putLast();
      this.#entries += 1;
    }
    this.#last = `${begun}\t${ids.join('')}`;
  }

  /** The lines as they belong into the index. */
  *lines(placeOf: (id: string) => ChunkPlace | undefined): Generator<string> {
    this.#putLast();
    this.#flush();
    for (const block of this.#blocks) {
      const lines = zstdDecompressSync(block).toString('utf8').split('\n');
      let text = '';
      for (const line of lines) {
        // JSON has no tab within.
        const tab = line.lastIndexOf('\t');
        const ids = line.slice(tab + 1);
        const chunks = [];
        for (let at = 0; at < ids.length; at += 64) {
          const id = ids.slice(at, at + 64);
          const place = placeOf(id);
          if (place === undefined) throw new HoldfastError('internal', `chunk '${id}' is nowhere`);
          chunks.push({ id, ...place });
        }
        text += endLine(line.slice(0, tab), chunks);
      }
      yield text;
    }
  }

  #putLast(): void {
    if (this.#last === undefined) return;
    this.#lines.push(this.#last);
    this.#characters += this.#last.length;
    this.#last = undefined;
    if (this.#characters >= blockCharacters) this.#flush();
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    this.#blocks.push(zstdCompressSync(Buffer.from(this.#lines.join('\n'))));
    this.#lines = [];
    this.#characters = 0;
  }
}
