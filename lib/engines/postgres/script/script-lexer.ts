import { endsEarly, malformed } from './script-faults.ts';

/** What a script is made of, told as its bytes pass. Pieces are good only until the call returns. */
export type ScriptParts = {
  /** The next bytes of a statement, from its first to the one before its semicolon. */
  readonly piece: (bytes: Uint8Array) => void;
  /** The statement is whole. Answers whether rows follow it, up to an end mark, from the next line on. */
  readonly statement: (offset: number) => 'statements' | 'rows';
  /** The next bytes of rows; answers how many it took and whether they have ended. */
  readonly rows: (bytes: Uint8Array, offset: number) => { readonly taken: number; readonly hasEnded: boolean };
  /** A comment or a command of psql between statements: its line without the line end. */
  readonly line: (line: Buffer, offset: number) => void;
};

type Mode = 'between' | 'statement' | 'quoted' | 'dollar' | 'row-line' | 'rows';

const code = (text: string): number => text.charCodeAt(0);
const lineFeed = code('\n');
const dash = code('-');
const backslash = code('\\');
const dollar = code('$');
const semicolon = code(';');
const quotes = [code("'"), code('"')];
/** Bytes at which a statement may turn into something else. */
const turning = new Uint8Array(256);
for (const byte of [...quotes, dollar, dash, semicolon, backslash]) turning[byte] = 1;
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
const isWord = (byte: number): boolean =>
  byte >= 0x80 || byte === 95 || isDigit(byte) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);

const longestLineBytes = 1024 * 1024;

/**
 * Cuts a script of pg_dump into statements, rows, comments and psql's commands, from chunks split anywhere. Quoted text is passed over
 * whatever it holds. A quotation ends at its quote: a doubled one begins the next, and pg_dump doubles every backslash in `E'…'`, so that
 * no quote is ever hidden behind one.
 */
export class ScriptLexer {
  readonly #parts: ScriptParts;
  #mode: Mode = 'between';
  /** What ends the quotation that the script is in. */
  #closing: Buffer = Buffer.alloc(0);
  #last = 0;
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;

  constructor(parts: ScriptParts) {
    this.#parts = parts;
  }

  write(chunk: Uint8Array): void {
    const bytes =
      this.#rest.length > 0
        ? Buffer.concat([this.#rest, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    while (at < bytes.length) {
      const taken = this.#step(bytes.subarray(at));
      if (taken === 0) break;
      at += taken;
      this.#offset += taken;
    }
    // The chunk's memory may be gone when the next one comes.
    this.#rest = Buffer.from(bytes.subarray(at));
    if (this.#rest.length > longestLineBytes)
      throw malformed(this.#offset, 'a line or a name of at most 1 MiB', 'a longer one');
  }

  /** Throws `dump-incomplete` unless the script ended between two statements. */
  end(): void {
    const inside: Readonly<Record<Mode, string>> = {
      between: 'the end of a line',
      statement: "a statement's semicolon",
      quoted: 'the end of a quotation',
      dollar: 'the end of a quotation',
      'row-line': 'rows',
      rows: "the end mark '\\.' of the rows",
    };
    if (this.#mode !== 'between' || this.#rest.length > 0) throw endsEarly(this.#offset, inside[this.#mode]);
  }

  /** Takes what it can, at least a byte, or 0 when it must see more. */
  #step(bytes: Buffer): number {
    switch (this.#mode) {
      case 'between':
        return this.#between(bytes);
      case 'statement':
        return this.#statement(bytes);
      case 'quoted':
      case 'dollar':
        return this.#quoted(bytes);
      case 'row-line':
        if (bytes[0] !== lineFeed) throw malformed(this.#offset, 'a line end before the rows', 'other bytes');
        this.#mode = 'rows';
        return 1;
      case 'rows': {
        const { taken, hasEnded } = this.#parts.rows(bytes, this.#offset);
        if (hasEnded) this.#mode = 'between';
        return taken;
      }
    }
  }

  #between(bytes: Buffer): number {
    const first = bytes[0] as number;
    if (isSpace(first)) return 1;
    if (first === dash && bytes.length === 1) return 0;
    if (first === backslash || (first === dash && bytes[1] === dash)) {
      const end = bytes.indexOf(lineFeed);
      if (end < 0) return 0;
      this.#parts.line(bytes.subarray(0, end), this.#offset);
      return end + 1;
    }
    this.#mode = 'statement';
    this.#last = 0;
    return this.#statement(bytes);
  }

  #statement(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && turning[bytes[at] as number] === 0) at++;
    if (at > 0) {
      this.#take(bytes.subarray(0, at));
      return at;
    }
    const first = bytes[0] as number;
    if (first === semicolon) {
      this.#mode = this.#parts.statement(this.#offset) === 'rows' ? 'row-line' : 'between';
      return 1;
    }
    if (first === backslash) throw malformed(this.#offset, 'SQL', 'a command of psql within a statement');
    if (first === dash && bytes.length === 1) return 0;
    if (first === dash && bytes[1] === dash) throw malformed(this.#offset, 'SQL', 'a comment within a statement');
    if (first === dollar) return this.#dollar(bytes);
    this.#take(bytes.subarray(0, 1));
    if (quotes.includes(first)) {
      this.#mode = 'quoted';
      this.#closing = Buffer.from([first]);
    }
    return 1;
  }

  /** `$tag$` begins a quotation, unless it is the middle of a name; `$1` is a parameter. */
  #dollar(bytes: Buffer): number {
    let at = 1;
    while (at < bytes.length && isWord(bytes[at] as number)) at++;
    if (at === bytes.length) return 0;
    const isTag = bytes[at] === dollar && !isWord(this.#last) && !isDigit(bytes[1] as number);
    const length = isTag ? at + 1 : 1;
    if (isTag) {
      this.#mode = 'dollar';
      this.#closing = Buffer.from(bytes.subarray(0, length));
    }
    this.#take(bytes.subarray(0, length));
    return length;
  }

  #quoted(bytes: Buffer): number {
    const found = bytes.indexOf(this.#closing);
    if (found >= 0) {
      const length = found + this.#closing.length;
      this.#take(bytes.subarray(0, length));
      this.#mode = 'statement';
      return length;
    }
    const length = bytes.length - (this.#closing.length - 1);
    if (length <= 0) return 0;
    this.#take(bytes.subarray(0, length));
    return length;
  }

  #take(bytes: Buffer): void {
    this.#last = bytes[bytes.length - 1] as number;
    this.#parts.piece(bytes);
  }
}
