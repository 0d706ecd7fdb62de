import { parseScore } from '../keys/score-text.ts';
import type { Packing } from './types.ts';
import type { Window } from './window.ts';

/**
 * Goes through the elements that are packed into one string, in the memory of `window`, and checks that they fill it exactly. Integers are
 * given as decimal text: they are what their text is.
 */
export class PackedCursor {
  /** Where the present element is in the memory. */
  at = 0;
  length = 0;

  readonly #window: Window;
  #packing: Packing = 'list pack';
  #pos = 0;
  #end = 0;
  #left = 0;
  #integerBytes = 0;
  #before = 0;

  constructor(window: Window) {
    this.#window = window;
  }

  /** Begins with the string that the window has read last. */
  open(packing: Packing): void {
    const { memory, stringAt, stringLength } = this.#window;
    this.#packing = packing;
    this.#pos = stringAt;
    this.#end = stringAt + stringLength;
    const headBytes = { 'list pack': 6, 'zip list': 10, 'integer set': 8 }[packing];
    if (stringLength < headBytes) this.#damaged('is too short');
    const first = memory.view.readUInt32LE(stringAt);
    if (packing === 'integer set') {
      this.#left = memory.view.readUInt32LE(stringAt + 4);
      this.#integerBytes = first;
      if (![2, 4, 8].includes(first)) this.#damaged(`has integers of ${first} bytes`);
      if (headBytes + this.#left * first !== stringLength) this.#damaged('is not as long as it says');
    } else {
      if (first !== stringLength) this.#damaged('is not as long as it says');
      this.#left = memory.view.readUInt16LE(stringAt + headBytes - 2);
      this.#end--;
      if (memory.view[this.#end] !== 0xff) this.#damaged('lacks its end mark');
    }
    this.#before = 0;
    this.#pos += headBytes;
  }

  /** Goes on to the next element; false at the end, which is proved to be where it should. */
  next(): boolean {
    if (this.#pos >= this.#end) {
      // 65535 says that there are as many or more.
      if (this.#left !== 0 && this.#left !== 0xffff) this.#damaged(`lacks ${this.#left} of its elements`);
      return false;
    }
    if (this.#left === 0) this.#damaged('has more elements than it says');
    if (this.#left !== 0xffff || this.#packing === 'integer set') this.#left--;
    if (this.#packing === 'list pack') this.#listPack();
    else if (this.#packing === 'zip list') this.#zipList();
    else this.#integer(this.#pos, this.#integerBytes);
    if (this.#pos > this.#end) this.#damaged('has an element past its end');
    return true;
  }

  /** The next element, which must be there. */
  mustNext(): void {
    if (!this.next()) this.#damaged('ends within an element');
  }

  bytes(): Uint8Array {
    return this.#window.bytes(this.at, this.length);
  }

  /** The present element as a number, which it must be. */
  integer(): bigint {
    const text = this.#text();
    if (!/^-?\d+$/.test(text)) this.#damaged('has other than a number where one must be');
    return BigInt(text);
  }

  /** The present element as a score. */
  score(): number {
    const score = parseScore(this.#text());
    if (Number.isNaN(score)) this.#damaged('has a score that is no number');
    return score;
  }

  #text(): string {
    return this.#window.memory.view.toString('latin1', this.at, this.at + this.length);
  }

  #listPack(): void {
    const { view } = this.#window.memory;
    const from = this.#pos;
    const first = view[from] as number;
    if (first < 0x80) this.#small(first, 1);
    else if (first < 0xc0) this.#string(from + 1, first & 0x3f);
    else if (first < 0xe0) {
      const value = ((first & 0x1f) << 8) | this.#byte(from + 1);
      this.#small(value < 0x1000 ? value : value - 0x2000, 2);
    } else if (first < 0xf0) this.#string(from + 2, ((first & 0x0f) << 8) | this.#byte(from + 1));
    else if (first === 0xf0) this.#string(from + 5, from + 5 <= this.#end ? view.readUInt32LE(from + 1) : 0);
    else if (first <= 0xf4) this.#integer(from + 1, [2, 3, 4, 8][first - 0xf1] as number);
    else this.#damaged(`has an element of the unknown form 0x${first.toString(16)}`);
    this.#checkLengthBehind(this.#pos - from);
  }

  /** Behind each element of a list pack stands its length, in groups of seven bits, to be read backwards. */
  #checkLengthBehind(length: number): void {
    const size = length <= 127 ? 1 : length < 16_383 ? 2 : length < 2_097_151 ? 3 : length < 268_435_455 ? 4 : 5;
    const { view } = this.#window.memory;
    let found = 0;
    for (let index = 0; index < size; index++) found = found * 128 + (this.#byte(this.#pos + index) & 127);
    if (found !== length || (view[this.#pos] as number) > 127)
      this.#damaged('has an element of another length than it says');
    this.#pos += size;
  }

  #zipList(): void {
    const { view } = this.#window.memory;
    const begin = this.#pos;
    const isLong = view[begin] === 0xfe;
    const from = begin + (isLong ? 5 : 1);
    if (from >= this.#end) this.#damaged('ends within an element');
    const before = isLong ? view.readUInt32LE(begin + 1) : (view[begin] as number);
    if (before !== this.#before) this.#damaged('has an element of another length than it says');
    const first = view[from] as number;
    if (first < 0x40) this.#string(from + 1, first);
    else if (first < 0x80) this.#string(from + 2, ((first & 0x3f) << 8) | this.#byte(from + 1));
    else if (first === 0x80) this.#string(from + 5, from + 5 <= this.#end ? view.readUInt32BE(from + 1) : 0);
    else if (first === 0xc0) this.#integer(from + 1, 2);
    else if (first === 0xd0) this.#integer(from + 1, 4);
    else if (first === 0xe0) this.#integer(from + 1, 8);
    else if (first === 0xf0) this.#integer(from + 1, 3);
    else if (first === 0xfe) this.#integer(from + 1, 1);
    else if (first > 0xf0 && first < 0xfe) {
      this.#pos = from;
      this.#small((first & 0x0f) - 1, 1);
    } else this.#damaged(`has an element of the unknown form 0x${first.toString(16)}`);
    this.#before = this.#pos - begin;
  }

  #byte(at: number): number {
    if (at >= this.#end) this.#damaged('ends within an element');
    return this.#window.memory.view[at] as number;
  }

  #string(at: number, length: number): void {
    if (at + length > this.#end) this.#damaged('has an element past its end');
    this.at = at;
    this.length = length;
    this.#pos = at + length;
  }

  #small(value: number, size: number): void {
    this.at = this.#window.memory.take(24);
    this.length = this.#window.memory.calls.decimalOf(value, this.at);
    this.#pos += size;
  }

  #integer(at: number, size: number): void {
    if (at + size > this.#end) this.#damaged('has an element past its end');
    this.at = this.#window.memory.take(24);
    this.length = this.#window.memory.calls.decimalAt(at, size, this.at);
    this.#pos = at + size;
  }

  #damaged(what: string): never {
    this.#window.corrupt(`a ${this.#packing} ${what}`);
  }
}
