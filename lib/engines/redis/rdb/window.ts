import { HoldfastError } from '../../../core/errors.ts';
import type { RdbMemory } from './rdb-memory.ts';

const firstCapacity = 256 * 1024;

/** Strings have 512 MiB at most unless a server was told otherwise, and no more than this would fit. A longer one is a lie that would take all memory. */
const largestString = 1000 * 1024 ** 2;

/**
 * The part of an RDB file that is being read, in one piece, and its checksum. What begins with `try` reads one thing if all of it is there;
 * otherwise it gives false or undefined and leaves the place where it was, so that it can be asked again when more was written.
 */
export class Window {
  readonly memory: RdbMemory;
  /** Where the next byte to be read is in the memory, and where the bytes end. */
  pos: number;
  end: number;
  /** What `tryString` found. A string that stands in the file in another form is in the memory above the window. */
  stringAt = 0;
  stringLength = 0;
  /** What `tryLength` found; `isEncoded` when it is no length but a form of a string. */
  length = 0;
  lengthHigh = 0;
  lengthLow = 0;
  isEncoded = false;

  readonly #start: number;
  #capacity = firstCapacity;
  #kept = -1;
  #summed: number;
  #passed = 0;

  constructor(memory: RdbMemory) {
    this.memory = memory;
    this.#start = memory.take(firstCapacity);
    this.pos = this.#start;
    this.end = this.#start;
    this.#summed = this.#start;
    memory.view.writeBigUInt64LE(0n, memory.calls.checksum.value);
  }

  /** Gives its memory back. Nothing can be read any more. */
  close(): void {
    this.memory.giveBack(this.#start);
  }

  /** Bytes from the beginning of the file to the place where it is read. */
  get offset(): number {
    return this.#passed + this.pos - this.#start;
  }

  /** Takes in the next bytes; what was read and is not kept may go. Everything above the window is gone. */
  write(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.#start + this.#capacity) this.#makeRoom(chunk.length);
    this.memory.view.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** From here on bytes stay, so that `rewind` can come back to them, until `forget`. */
  keep(): void {
    this.#kept = this.pos;
  }

  get keptBytes(): number {
    return this.pos - this.#kept;
  }

  /** The bytes that were read since `keep`. */
  kept(): Uint8Array {
    return this.memory.view.subarray(this.#kept, this.pos);
  }

  rewind(): void {
    this.pos = this.#kept;
    this.forget();
  }

  forget(): void {
    this.#kept = -1;
  }

  /** The CRC-64 of all bytes that were read. */
  checksum(): bigint {
    this.#sumUp(this.pos);
    return this.memory.view.readBigUInt64LE(this.memory.calls.checksum.value);
  }

  has(bytes: number): boolean {
    return this.end - this.pos >= bytes;
  }

  /** Gives back what strings took above the window: before each element, so that none takes more than it needs. */
  release(): void {
    this.memory.giveBack(this.#start + this.#capacity);
  }

  /** A view of bytes of the memory, good until something is read or written. */
  bytes(at: number, length: number): Uint8Array {
    return this.memory.view.subarray(at, at + length);
  }

  /** The string that was read last. */
  string(): Uint8Array {
    return this.bytes(this.stringAt, this.stringLength);
  }

  tryLength(): boolean {
    const { view } = this.memory;
    if (this.pos >= this.end) return false;
    const first = view[this.pos] as number;
    this.isEncoded = false;
    this.lengthHigh = 0;
    if (first < 0x40) {
      this.#found(first, 1);
      return true;
    }
    if (first < 0x80) {
      if (!this.has(2)) return false;
      this.#found(((first & 0x3f) << 8) | (view[this.pos + 1] as number), 2);
      return true;
    }
    if (first === 0x80) {
      if (!this.has(5)) return false;
      this.#found(view.readUInt32BE(this.pos + 1), 5);
      return true;
    }
    if (first === 0x81) {
      if (!this.has(9)) return false;
      this.lengthHigh = view.readUInt32BE(this.pos + 1);
      this.#found(view.readUInt32BE(this.pos + 5), 9);
      this.length = this.lengthHigh * 2 ** 32 + this.lengthLow;
      return true;
    }
    if (first < 0xc0) this.corrupt(`a length begins with 0x${first.toString(16)}`);
    this.isEncoded = true;
    this.#found(first & 0x3f, 1);
    return true;
  }

  /** A length that must be one. */
  tryPlainLength(): boolean {
    if (!this.tryLength()) return false;
    if (this.isEncoded) this.corrupt('a string stands where a number should');
    return true;
  }

  tryString(): boolean {
    const from = this.pos;
    if (!this.tryLength()) return false;
    const isThere = this.isEncoded ? this.#tryEncoded(this.length) : this.#tryPlain(this.length);
    if (!isThere) this.pos = from;
    return isThere;
  }

  /** Throws `corrupt`, saying where. */
  corrupt(what: string): never {
    throw new HoldfastError('corrupt', `the RDB file is damaged at byte ${this.offset}: ${what}`);
  }

  #found(value: number, size: number): void {
    this.length = value;
    this.lengthLow = value;
    this.pos += size;
  }

  #tryPlain(length: number): boolean {
    if (length > largestString) this.corrupt(`a string of ${length} bytes is longer than strings are`);
    if (!this.has(length)) return false;
    this.stringAt = this.pos;
    this.stringLength = length;
    this.pos += length;
    return true;
  }

  #tryEncoded(form: number): boolean {
    if (form === 3) return this.#tryCompressed();
    if (form > 3) this.corrupt(`a string of the unknown form ${form}`);
    const size = 1 << form;
    if (!this.has(size)) return false;
    this.stringAt = this.memory.take(24);
    this.stringLength = this.memory.calls.decimalAt(this.pos, size, this.stringAt);
    this.pos += size;
    return true;
  }

  #tryCompressed(): boolean {
    if (!this.tryPlainLength()) return false;
    const packed = this.length;
    if (!this.tryPlainLength()) return false;
    const { length } = this;
    if (Math.max(packed, length) > largestString)
      this.corrupt(`a string of ${length} bytes is longer than strings are`);
    if (!this.has(packed)) return false;
    // LZF gives 88 bytes for each at most: a larger claim is a lie, and would take memory.
    if (length > packed * 88) this.corrupt(`${packed} compressed bytes cannot hold ${length}`);
    this.stringAt = this.memory.take(length + this.memory.calls.SLACK.value);
    this.stringLength = length;
    if (!this.memory.calls.expand(this.pos, packed, this.stringAt, length))
      this.corrupt('a compressed string does not expand to its length');
    this.pos += packed;
    return true;
  }

  #makeRoom(more: number): void {
    const from = this.#kept < 0 ? this.pos : this.#kept;
    this.#sumUp(from);
    const held = this.end - from;
    const capacity = this.#capacity;
    while (held + more > this.#capacity / 2) this.#capacity *= 2;
    if (this.#capacity > capacity) {
      this.memory.giveBack(this.#start);
      this.memory.take(this.#capacity);
    }
    this.memory.view.copyWithin(this.#start, from, this.end);
    const moved = from - this.#start;
    this.#passed += moved;
    this.pos -= moved;
    this.end -= moved;
    this.#summed -= moved;
    if (this.#kept >= 0) this.#kept -= moved;
    this.release();
  }

  #sumUp(until: number): void {
    if (until <= this.#summed) return;
    this.memory.calls.sumUp(this.#summed, until - this.#summed);
    this.#summed = until;
  }
}
