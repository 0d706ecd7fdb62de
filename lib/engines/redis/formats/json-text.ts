import { isUtf8 } from 'node:buffer';
import { HoldfastError } from '../../../core/errors.ts';
import { GrowingBytes } from '../../growing-bytes.ts';

/** Its escaped text is the largest string that JavaScript can hold. */
const longestValue = 64 * 1024 ** 2;
const quote = 0x22;
const backslash = 0x5c;

/** Writes JSON as bytes. */
export class JsonText extends GrowingBytes {
  /** Text that is JSON already, in ASCII. */
  raw(text: string): void {
    this.reserve(text.length);
    // A few characters are written faster one by one.
    if (text.length < 16)
      for (let index = 0; index < text.length; index++) this.memory[this.filled++] = text.charCodeAt(index);
    else this.filled += this.memory.write(text, this.filled, 'latin1');
  }

  /** Bytes as a string where they are text in UTF-8, and otherwise as `{"base64":"…"}`. */
  bytes(value: Uint8Array): void {
    if (value.length > longestValue)
      throw new HoldfastError('dump-failed', `a value of ${value.length} bytes is too large for a line of JSON`, {
        hint: "the formats 'rdb' and 'aof' hold it",
      });
    this.reserve(2 * value.length + 2);
    if (this.#plain(value)) return;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (isUtf8(bytes)) this.#text(JSON.stringify(bytes.toString()));
    else this.#text(`{"base64":"${bytes.toString('base64')}"}`);
  }

  /** Printable ASCII is copied byte by byte, which is what most keys and values are; false, and nothing written, for all else. */
  #plain(value: Uint8Array): boolean {
    const target = this.memory;
    let at = this.filled;
    target[at++] = quote;
    for (let index = 0; index < value.length; index++) {
      const byte = value[index] as number;
      if (byte < 0x20 || byte > 0x7e) return false;
      if (byte === quote || byte === backslash) target[at++] = backslash;
      target[at++] = byte;
    }
    target[at++] = quote;
    this.filled = at;
    return true;
  }

  #text(text: string): void {
    const size = Buffer.byteLength(text);
    this.reserve(size);
    this.filled += this.memory.write(text, this.filled);
  }
}
