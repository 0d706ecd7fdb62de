import type { RawValue } from '../keys/key-sink.ts';
import { RdbMemory } from './rdb-memory.ts';
import { firstValkeyVersion, opcodes } from './types.ts';

/** Puts values that a server serialised into an RDB file of its version, as the server itself would. */
export class RdbWriter {
  readonly #memory = new RdbMemory();
  #pieces: Buffer[] = [];
  #length = 0;
  #sum = 0n;
  #summed = 0;
  #database = -1;

  /** Begins a file of that version, which says of itself what `notes` say. */
  begin(version: number, notes: Readonly<Record<string, string>>): void {
    const digits = String(version);
    this.#put(
      Buffer.from(
        version >= firstValkeyVersion ? `VALKEY${digits.padStart(3, '0')}` : `REDIS${digits.padStart(4, '0')}`,
      ),
    );
    for (const [name, value] of Object.entries(notes)) {
      this.#put(Buffer.of(opcodes.aux));
      this.#string(Buffer.from(name));
      this.#string(Buffer.from(value));
    }
  }

  library(code: Uint8Array): void {
    this.#put(Buffer.of(opcodes.library));
    this.#string(code);
  }

  key(database: number, key: Uint8Array, expireAt: number | undefined, { type, bytes }: RawValue): void {
    if (database !== this.#database) {
      this.#database = database;
      this.#put(Buffer.of(opcodes.database));
      this.#put(lengthBytes(database));
    }
    if (expireAt !== undefined) {
      const head = Buffer.alloc(9, opcodes.expireMilliseconds);
      head.writeBigInt64LE(BigInt(expireAt), 1);
      this.#put(head);
    }
    this.#put(Buffer.of(type));
    this.#string(key);
    this.#put(bytes);
  }

  /** Ends the file with its checksum. */
  end(): void {
    this.#put(Buffer.of(opcodes.end));
    this.#sumUp();
    const sum = Buffer.alloc(8);
    sum.writeBigUInt64LE(this.#sum);
    this.#put(sum);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written since the last time. */
  take(): Buffer {
    this.#sumUp();
    const [taken = Buffer.alloc(0)] = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    this.#summed = 0;
    return taken;
  }

  #string(bytes: Uint8Array): void {
    this.#put(lengthBytes(bytes.length));
    this.#put(bytes);
  }

  #put(bytes: Uint8Array): void {
    this.#pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#length += bytes.length;
  }

  /** Makes the pieces one, whose checksum goes on from that of all before. */
  #sumUp(): void {
    const all = Buffer.concat(this.#pieces);
    this.#sum = this.#memory.checksumFrom(this.#sum, all.subarray(this.#summed));
    this.#summed = all.length;
    this.#pieces = [all];
  }
}

/** A length as the format has it. */
export function lengthBytes(length: number): Buffer {
  if (length < 64) return Buffer.of(length);
  if (length < 16_384) return Buffer.of(0x40 | (length >> 8), length & 0xff);
  const bytes = Buffer.alloc(5, 0x80);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
