import type { EarlierChunk } from '../tree/sink.ts';

/**
 * Guesses the chunks of a file from those that it consisted of when it was read last. Chunks end where their content says, so that one which begins
 * with the same bytes ends where it did, and nobody has to look for its end.
 */
export class EarlierChunks {
  readonly #chunks: readonly EarlierChunk[];
  readonly #byStart = new Map<number, number>();
  readonly #byId = new Map<string, number>();
  /** Which chunk comes next, if nothing has changed. */
  #next: number | undefined = 0;

  constructor(chunks: readonly EarlierChunk[]) {
    this.#chunks = chunks;
    let start = 0;
    for (const [index, { id, length }] of chunks.entries()) {
      this.#byStart.set(start, index);
      this.#byId.set(id, index);
      start += length;
    }
  }

  /**
   * What may be the next chunk, which begins at that byte of the file; undefined where nothing says so. The last one may have ended because the file
   * did: its end is no other's (`isLast`).
   */
  guess(position: number): (EarlierChunk & { readonly isLast: boolean }) | undefined {
    const index = this.#next ?? this.#byStart.get(position);
    const chunk = index === undefined ? undefined : this.#chunks[index];
    return chunk && { ...chunk, isLast: index === this.#chunks.length - 1 };
  }

  /** Told of each chunk that there is. Is it one of those of before? */
  took(id: string): boolean {
    const isGuessed = this.#next !== undefined && this.#chunks[this.#next]?.id === id;
    const index = isGuessed ? this.#next : this.#byId.get(id);
    this.#next = index === undefined ? undefined : index + 1;
    return index !== undefined;
  }
}
