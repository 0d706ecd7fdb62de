const firstCapacity = 64 * 1024;
const lineEnd = 0x0d0a;

/** What can be an argument of a command. */
export type Argument = string | number | bigint | Uint8Array;

/** Writes commands in the form in which clients send them and an append-only file keeps them, one behind the other. */
export class CommandWriter {
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  command(...args: readonly Argument[]): void {
    this.begin(args.length);
    for (const arg of args) this.argument(arg);
  }

  /** Begins a command of so many arguments, its name among them. */
  begin(count: number): void {
    this.#head(0x2a, count);
  }

  argument(value: Argument): void {
    if (typeof value === 'object') this.bytes(value);
    else this.#text(String(value));
  }

  bytes(value: Uint8Array): void {
    this.#head(0x24, value.length);
    this.#reserve(value.length + 2);
    // For a few bytes a loop is faster than the call.
    if (value.length < 24)
      for (let index = 0; index < value.length; index++) this.#bytes[this.#length + index] = value[index] as number;
    else this.#bytes.set(value, this.#length);
    this.#length += value.length;
    this.#lineEnd();
  }

  /** An argument that is in pieces. */
  pieces(...pieces: readonly Uint8Array[]): void {
    this.#head(
      0x24,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
    for (const piece of pieces) this.raw(piece);
    this.#reserve(2);
    this.#lineEnd();
  }

  /** Puts what another has written behind. */
  append(other: CommandWriter): void {
    this.raw(other.#bytes.subarray(0, other.#length));
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Gives what was written, which is the caller's, and begins anew. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafe(Math.max(firstCapacity, Math.min(this.#length * 2, 1 << 20)));
    this.#length = 0;
    return taken;
  }

  #text(value: string): void {
    const size = Buffer.byteLength(value);
    this.#head(0x24, size);
    this.#reserve(size + 2);
    this.#length += this.#bytes.write(value, this.#length);
    this.#lineEnd();
  }

  #head(mark: number, count: number): void {
    this.#reserve(24);
    this.#bytes[this.#length++] = mark;
    if (count < 10) this.#bytes[this.#length++] = 48 + count;
    else if (count < 100) {
      this.#bytes[this.#length++] = 48 + Math.trunc(count / 10);
      this.#bytes[this.#length++] = 48 + (count % 10);
    } else this.#length += this.#bytes.write(String(count), this.#length, 'latin1');
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.#bytes.writeUInt16BE(lineEnd, this.#length);
    this.#length += 2;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
