/** Bytes gathered into one piece of memory that can be handed to another thread. */
export class OutputBuffer {
  readonly #usual: number;
  #memory: ArrayBuffer;
  #bytes: Buffer;
  #length = 0;

  constructor(usualBytes: number) {
    this.#usual = usualBytes;
    this.#memory = new ArrayBuffer(usualBytes);
    this.#bytes = Buffer.from(this.#memory);
  }

  get length(): number {
    return this.#length;
  }

  write(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }

  /** What was written, in memory of exactly that size; begins anew. */
  take(): ArrayBuffer | undefined {
    if (this.#length === 0) return undefined;
    const taken = this.#memory.transfer(this.#length);
    this.#memory = new ArrayBuffer(this.#usual);
    this.#bytes = Buffer.from(this.#memory);
    this.#length = 0;
    return taken;
  }

  #grow(least: number): void {
    this.#memory = this.#memory.transfer(Math.max(least, this.#memory.byteLength * 2));
    this.#bytes = Buffer.from(this.#memory);
  }
}
