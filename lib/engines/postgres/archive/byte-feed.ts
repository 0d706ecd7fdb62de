import { HoldfastError } from '../../../core/errors.ts';

/** A reader that is suspended while it has no bytes: `next` is called when there are more, or when there will be none. */
export type Reading<T> = Generator<undefined, T, undefined>;

const nothing = new Uint8Array(0);

/** Bytes that come in chunks split anywhere, for readers that take them one field after another. Holds no more than the present chunk. */
export class ByteFeed {
  #chunk: Uint8Array = nothing;
  #at = 0;
  #chunkOffset = 0;
  #hasEnded = false;

  /** How many bytes have been taken. */
  get offset(): number {
    return this.#chunkOffset + this.#at;
  }

  /** Gives the next chunk. The one before must have been taken wholly. */
  feed(chunk: Uint8Array): void {
    // Not its length: its memory may have been freed.
    this.#chunkOffset += this.#at;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Says that no bytes will follow. */
  end(): void {
    this.feed(nothing);
    this.#hasEnded = true;
  }

  *isAtEnd(): Reading<boolean> {
    while (this.#at === this.#chunk.length) {
      if (this.#hasEnded) return true;
      yield;
    }
    return false;
  }

  /** What is there of the present chunk, at least one byte; `skip` takes it. Throws `dump-incomplete` at the end. */
  *some(expected: string): Reading<Uint8Array> {
    if (yield* this.isAtEnd()) throw endsEarly(this.offset, expected);
    return this.#chunk.subarray(this.#at);
  }

  skip(length: number): void {
    this.#at += length;
  }

  *byte(expected: string): Reading<number> {
    if (this.#at === this.#chunk.length) yield* this.some(expected);
    return this.#chunk[this.#at++] as number;
  }

  /** An integer as pg_dump writes it: a byte for the sign, then four for the magnitude, the least significant first. */
  *integer(expected: string): Reading<number> {
    const at = this.offset;
    const sign = yield* this.byte(expected);
    let magnitude = 0;
    for (let place = 1; place <= 2 ** 24; place *= 256) magnitude += (yield* this.byte(expected)) * place;
    if (sign > 1 || magnitude > 2 ** 31 - 1 || (sign === 1 && magnitude === 0))
      throw malformed(at, `${expected}, an integer`, `sign ${sign} and magnitude ${magnitude}`);
    return sign === 1 ? -magnitude : magnitude;
  }

  /** An integer that must lie within the bounds. */
  *integerWithin(expected: string, least: number, most: number): Reading<number> {
    const at = this.offset;
    const value = yield* this.integer(expected);
    if (value < least || value > most) throw malformed(at, `${expected} from ${least} to ${most}`, String(value));
    return value;
  }

  /** A string's bytes, handed on as they come, after its length in bytes; null is length -1. Returns the length. */
  *pieces(
    expected: string,
    take: { readonly length?: (length: number) => void; readonly piece?: (piece: Uint8Array) => void },
  ): Reading<number> {
    const length = yield* this.integerWithin(`the length of ${expected}`, -1, 2 ** 31 - 1);
    take.length?.(length);
    let missing = length;
    while (missing > 0) {
      const piece = (yield* this.some(expected)).subarray(0, missing);
      const zero = piece.indexOf(0);
      if (zero >= 0) throw malformed(this.offset + zero, `text of ${expected}`, 'a byte of value 0');
      take.piece?.(piece);
      this.skip(piece.length);
      missing -= piece.length;
    }
    return length;
  }

  /** A string of at most `mostBytes`, as bytes. */
  *bytes(expected: string, mostBytes: number): Reading<Uint8Array | null> {
    const at = this.offset;
    const parts: Uint8Array[] = [];
    const length = yield* this.pieces(expected, {
      length: (declared) => {
        if (declared > mostBytes)
          throw malformed(at, `${expected} of at most ${mostBytes} bytes`, `length ${declared}`);
      },
      // A copy: `slice` of a Buffer would be a view of memory that may be freed before the next piece comes.
      piece: (piece) => parts.push(Uint8Array.from(piece)),
    });
    return length === -1 ? null : parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  /** A string of at most `mostBytes`; null where a null stands in the archive. */
  *text(expected: string, mostBytes: number): Reading<string | null> {
    const bytes = yield* this.bytes(expected, mostBytes);
    return bytes === null ? null : decodeName(bytes);
  }

  /** A string that must match. */
  *textLike(expected: string, pattern: RegExp): Reading<string> {
    const at = this.offset;
    const text = yield* this.text(expected, 1024);
    if (text === null || !pattern.test(text)) throw malformed(at, expected, quoteName(text ?? 'null'));
    return text;
  }
}

/** UTF-8 when it is UTF-8, otherwise one character a byte, so that different names of any encoding stay different. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** A name in a message: quoted, on one line. */
export function quoteName(name: string): string {
  return `'${JSON.stringify(name.slice(0, 200)).slice(1, -1).replaceAll('\\"', '"')}'`;
}

/** `corrupt`, saying where and why. */
export function malformed(offset: number, expected: string, found: string): HoldfastError {
  return new HoldfastError(
    'corrupt',
    `the archive is malformed at byte ${offset}: expected ${expected}, found ${found}`,
  );
}

/** `dump-incomplete`, saying where and what should have followed. */
export function endsEarly(offset: number, expected: string): HoldfastError {
  return new HoldfastError('dump-incomplete', `the archive ends at byte ${offset}: expected ${expected}`);
}
