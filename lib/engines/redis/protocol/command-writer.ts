import { GrowingBytes } from '../../growing-bytes.ts';

const lineEnd = 0x0d0a;

/** What can be an argument of a command. */
export type Argument = string | number | bigint | Uint8Array;

/** Writes commands in the form in which clients send them and an append-only file keeps them, one behind the other. */
export class CommandWriter extends GrowingBytes {
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
    this.reserve(value.length + 2);
    // For a few bytes a loop is faster than the call.
    if (value.length < 24)
      for (let index = 0; index < value.length; index++) this.memory[this.filled + index] = value[index] as number;
    else this.memory.set(value, this.filled);
    this.filled += value.length;
    this.#lineEnd();
  }

  /** An argument that is in pieces. */
  pieces(...pieces: readonly Uint8Array[]): void {
    this.#head(
      0x24,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
    for (const piece of pieces) this.put(piece);
    this.reserve(2);
    this.#lineEnd();
  }

  /** Puts what another has written behind. */
  append(other: CommandWriter): void {
    this.put(other.memory.subarray(0, other.filled));
  }

  clear(): void {
    this.filled = 0;
  }

  #text(value: string): void {
    const size = Buffer.byteLength(value);
    this.#head(0x24, size);
    this.reserve(size + 2);
    this.filled += this.memory.write(value, this.filled);
    this.#lineEnd();
  }

  #head(mark: number, count: number): void {
    this.reserve(24);
    this.memory[this.filled++] = mark;
    if (count < 10) this.memory[this.filled++] = 48 + count;
    else if (count < 100) {
      this.memory[this.filled++] = 48 + Math.trunc(count / 10);
      this.memory[this.filled++] = 48 + (count % 10);
    } else this.filled += this.memory.write(String(count), this.filled, 'latin1');
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.memory.writeUInt16BE(lineEnd, this.filled);
    this.filled += 2;
  }
}
