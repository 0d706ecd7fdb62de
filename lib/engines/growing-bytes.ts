/** Bytes written one behind the other into one piece of memory, which grows as it must. */
export class GrowingBytes {
  protected memory: Buffer<ArrayBuffer>;
  protected filled = 0;
  readonly #usual: number;

  constructor(usualBytes = 64 * 1024) {
    this.#usual = usualBytes;
    this.memory = Buffer.allocUnsafeSlow(usualBytes);
  }

  get length(): number {
    return this.filled;
  }

  put(bytes: Uint8Array): void {
    // What was read into the room behind what there is, is there already.
    const isThere = bytes.buffer === this.memory.buffer && bytes.byteOffset === this.memory.byteOffset + this.filled;
    if (!isThere) {
      this.reserve(bytes.length);
      this.memory.set(bytes, this.filled);
    }
    this.filled += bytes.length;
  }

  /** The memory of the next bytes, that many: whoever fills it puts what he has filled of it, before anything else. */
  room(bytes: number): Buffer<ArrayBuffer> {
    this.reserve(bytes);
    return this.memory.subarray(this.filled, this.filled + bytes);
  }

  /** Gives what was written, which is the caller's, and begins anew with room for about as much. */
  take(): Buffer {
    const taken = this.memory.subarray(0, this.filled);
    this.#begin(Math.max(this.#usual, Math.min(this.filled * 2, 1 << 20)));
    return taken;
  }

  /**
   * Gives what was written at the beginning of memory that holds nothing else, and can be handed to another thread; undefined when that is nothing.
   * Begins anew in `spare`, or in new memory.
   */
  takeMemory(spare?: ArrayBuffer): Buffer<ArrayBuffer> | undefined {
    if (this.filled === 0) return undefined;
    const taken = this.memory.subarray(0, this.filled);
    this.memory = spare === undefined ? Buffer.allocUnsafeSlow(this.#usual) : Buffer.from(spare);
    this.filled = 0;
    return taken;
  }

  /** Makes room for so many bytes behind what was written. */
  protected reserve(more: number): void {
    const needed = this.filled + more;
    if (needed <= this.memory.length) return;
    this.memory = Buffer.from(this.memory.buffer.transfer(Math.max(needed, this.memory.length * 2)));
  }

  #begin(capacity: number): void {
    this.memory = Buffer.allocUnsafeSlow(capacity);
    this.filled = 0;
  }
}
