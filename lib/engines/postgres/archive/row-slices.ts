/** A stretch of COPY text. `isWhole` says that it ends with a row; otherwise the same reader has to get the next one. */
export type Slice = { readonly buffer: Buffer; readonly bytes: Buffer; readonly isWhole: boolean };

const sliceBytes = 1024 * 1024;
const lineFeed = 10;

/** The end mark and the two line ends that pg_dump puts behind a table's rows. */
const endMarkBytes = 5;

/** Cuts the rows of one table after another into slices that end where a row does, from pieces of any size. */
export class RowSlices {
  readonly #free: Buffer[] = [];
  #buffer: Buffer | undefined;
  #filled = 0;

  /** Takes in the next bytes of the table's rows; slices that are full are given to `emit`. */
  add(bytes: Uint8Array, emit: (slice: Slice) => void): void {
    for (let at = 0; at < bytes.length; ) {
      this.#buffer ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(sliceBytes);
      const length = Math.min(bytes.length - at, sliceBytes - this.#filled);
      this.#buffer.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === sliceBytes) this.#cut(this.#buffer, emit);
    }
  }

  /** Gives out what is left of the table, without the end mark. */
  end(emit: (slice: Slice) => void): void {
    const buffer = this.#buffer;
    const filled = this.#filled - endMarkBytes;
    this.#buffer = undefined;
    this.#filled = 0;
    if (buffer === undefined) return;
    if (filled > 0) emit({ buffer, bytes: buffer.subarray(0, filled), isWhole: true });
    else this.#free.push(buffer);
  }

  /** Gives a slice's memory back; its bytes must not be looked at afterwards. */
  recycle({ buffer }: Slice): void {
    this.#free.push(buffer);
  }

  /** Leaves at least what may be the end mark, which is known only when no more bytes come. */
  #cut(buffer: Buffer, emit: (slice: Slice) => void): void {
    const last = buffer.lastIndexOf(lineFeed, sliceBytes - endMarkBytes - 1);
    const length = last < 0 ? sliceBytes - endMarkBytes : last + 1;
    const next = this.#free.pop() ?? Buffer.allocUnsafeSlow(sliceBytes);
    buffer.copy(next, 0, length);
    emit({ buffer, bytes: buffer.subarray(0, length), isWhole: last >= 0 });
    this.#buffer = next;
    this.#filled = sliceBytes - length;
  }
}
