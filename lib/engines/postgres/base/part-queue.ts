/** Who sends can be made to wait. */
export type Source = { pause(): void; resume(): void };

/** So much may lie unread; what a socket has delivered already comes on top. */
const heldAtBytes = 1024 * 1024;

type Piece = { readonly part: number; readonly bytes: Buffer };

/**
 * Bytes of several parts that arrive one part after another, for a reader of each part. Whoever reads a part waits until those before it were
 * read; the source waits while much lies unread, so it never holds more than about a mebibyte.
 */
export class PartQueue {
  readonly #source: Source;
  readonly #pieces: Piece[] = [];
  #first = 0;
  #unreadBytes = 0;
  #part = -1;
  #isPaused = false;
  #end: 'open' | 'ended' | { readonly error: unknown } = 'open';
  #changed = Promise.withResolvers<void>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next part begins, and the one before it has ended. */
  begin(): void {
    this.#part += 1;
    this.#tell();
  }

  push(bytes: Buffer): void {
    this.#pieces.push({ part: this.#part, bytes });
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > heldAtBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#source.pause();
    }
    this.#tell();
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#end === 'open') this.#end = 'ended';
    this.#tell();
  }

  /** Every reader is told, whatever lies unread. */
  fail(error: unknown): void {
    if (this.#end === 'open') this.#end = { error };
    this.#tell();
  }

  /** How many parts have begun. */
  get begun(): number {
    return this.#part + 1;
  }

  /** The bytes of a part, from 0; each is the reader's until the next one. */
  async *read(part: number): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (typeof this.#end === 'object') throw this.#end.error;
      const piece = this.#pieces[this.#first];
      if (piece?.part === part) {
        this.#take(piece);
        yield piece.bytes;
      } else if (this.#part > part || this.#end === 'ended') {
        if (piece === undefined || piece.part > part) return;
        await this.#changed.promise;
      } else await this.#changed.promise;
    }
  }

  #take(piece: Piece): void {
    this.#first += 1;
    this.#unreadBytes -= piece.bytes.length;
    if (this.#first === this.#pieces.length || this.#first === 1024) {
      this.#pieces.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#isPaused && this.#unreadBytes <= heldAtBytes / 2) {
      this.#isPaused = false;
      this.#source.resume();
    }
    if (this.#pieces[this.#first]?.part !== piece.part) this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}
