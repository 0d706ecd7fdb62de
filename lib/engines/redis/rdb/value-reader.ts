import type { KeySink } from '../keys/key-sink.ts';
import { PackedCursor } from './packed-cursor.ts';
import { readStreamValue } from './stream-value.ts';
import type { Layout, RdbType } from './types.ts';
import type { Window } from './window.ts';

/** Ends when all was read; yields when more bytes have to come first. */
export type Reading<Result = void> = Generator<undefined, Result, undefined>;

/** Gives values element by element, in whatever form they stand in the file. Without a sink it only finds their end. */
export class ValueReader {
  readonly #window: Window;
  readonly #cursor: PackedCursor;

  constructor(window: Window) {
    this.#window = window;
    this.#cursor = new PackedCursor(window);
  }

  *read({ type, layout }: RdbType, sink: KeySink | undefined): Reading {
    switch (layout.kind) {
      case 'string':
      case 'packed':
        while (!this.tryWhole({ type, layout }, sink)) yield;
        return;
      case 'strings':
        yield* this.#strings(type === 'list', sink);
        return;
      case 'pairs':
        yield* this.#pairs(sink);
        return;
      case 'scored':
        yield* this.#scored(layout.isBinary, sink);
        return;
      case 'nodes':
        yield* this.#nodes(layout, sink);
        return;
      case 'expiring pairs':
        yield* this.#expiringPairs(layout.expiry, sink);
        return;
      case 'stream':
        yield* readStreamValue(this.#window, this.#cursor, layout.version, sink);
        return;
      case 'module':
        yield* this.#module(sink);
        return;
      default:
        return layout satisfies never;
    }
  }

  /** Reads a value that is one string in the file, which is most of them, if it is all there; false for others too. */
  tryWhole({ type, layout }: Pick<RdbType, 'type' | 'layout'>, sink: KeySink | undefined): boolean {
    const window = this.#window;
    if (layout.kind === 'string') {
      if (!window.tryString()) return false;
      sink?.string(window.string());
      return true;
    }
    if (layout.kind !== 'packed') return false;
    const earliestBytes = layout.hasEarliest ? 8 : 0;
    if (!window.has(earliestBytes)) return false;
    const from = window.pos;
    window.pos += earliestBytes;
    if (!window.tryString()) {
      window.pos = from;
      return false;
    }
    if (sink) this.#packed(type, layout, sink);
    return true;
  }

  #packed(type: RdbType['type'], { packing, hasExpiry }: Layout & { kind: 'packed' }, sink: KeySink): void {
    const cursor = this.#cursor;
    const window = this.#window;
    cursor.open(packing);
    const mark = window.memory.top;
    for (; cursor.next(); window.memory.giveBack(mark)) {
      if (type === 'list') sink.item(cursor.bytes());
      else if (type === 'set') sink.member(cursor.bytes());
      else {
        const { at, length } = cursor;
        cursor.mustNext();
        if (type === 'sorted set') {
          const score = cursor.score();
          sink.scored(window.bytes(at, length), score);
          continue;
        }
        const { at: valueAt, length: valueLength } = cursor;
        const expireAt = hasExpiry ? this.#packedExpiry() : undefined;
        sink.field(window.bytes(at, length), window.bytes(valueAt, valueLength), expireAt);
      }
    }
  }

  #packedExpiry(): number | undefined {
    this.#cursor.mustNext();
    return Number(this.#cursor.integer()) || undefined;
  }

  *#strings(isList: boolean, sink: KeySink | undefined): Reading {
    const window = this.#window;
    while (!window.tryPlainLength()) yield;
    for (let left = window.length; left > 0; ) {
      window.release();
      if (!window.tryString()) {
        yield;
        continue;
      }
      if (isList) sink?.item(window.string());
      else sink?.member(window.string());
      left--;
    }
  }

  *#pairs(sink: KeySink | undefined): Reading {
    const window = this.#window;
    while (!window.tryPlainLength()) yield;
    for (let left = window.length; left > 0; ) {
      window.release();
      const from = window.pos;
      const name = window.tryString() && { at: window.stringAt, length: window.stringLength };
      if (!name || !window.tryString()) {
        window.pos = from;
        yield;
        continue;
      }
      sink?.field(window.bytes(name.at, name.length), window.string(), undefined);
      left--;
    }
  }

  *#scored(isBinary: boolean, sink: KeySink | undefined): Reading {
    const window = this.#window;
    while (!window.tryPlainLength()) yield;
    for (let left = window.length; left > 0; ) {
      window.release();
      const from = window.pos;
      const score = window.tryString() ? this.#tryScore(isBinary) : undefined;
      if (score === undefined) {
        window.pos = from;
        yield;
        continue;
      }
      sink?.scored(window.string(), score);
      left--;
    }
  }

  #tryScore(isBinary: boolean): number | undefined {
    const window = this.#window;
    const { view } = window.memory;
    const at = window.pos;
    if (isBinary) {
      if (!window.has(8)) return undefined;
      window.pos += 8;
      const score = view.readDoubleLE(at);
      if (Number.isNaN(score)) window.corrupt('a score is no number');
      return score;
    }
    if (!window.has(1)) return undefined;
    const size = view[at] as number;
    if (size >= 254) {
      window.pos++;
      return size === 254 ? Infinity : -Infinity;
    }
    if (size === 253) window.corrupt('a score is no number');
    if (!window.has(1 + size)) return undefined;
    window.pos += 1 + size;
    const score = Number(view.toString('latin1', at + 1, at + 1 + size));
    if (Number.isNaN(score) || size === 0) window.corrupt('a score is no number');
    return score;
  }

  *#nodes({ packing, hasContainer }: Layout & { kind: 'nodes' }, sink: KeySink | undefined): Reading {
    const window = this.#window;
    while (!window.tryPlainLength()) yield;
    for (let left = window.length; left > 0; ) {
      window.release();
      const from = window.pos;
      // 1: the node is one large element; 2: it is packed.
      let container = 2;
      if (hasContainer && window.tryPlainLength()) container = window.length;
      if (container !== 1 && container !== 2) window.corrupt(`a list's node is of the unknown kind ${container}`);
      if ((hasContainer && window.pos === from) || !window.tryString()) {
        window.pos = from;
        yield;
        continue;
      }
      if (container === 1) sink?.item(window.string());
      else if (sink) this.#packed('list', { kind: 'packed', packing }, sink);
      left--;
    }
  }

  *#expiringPairs(expiry: 'relative' | 'absolute' | 'trailing', sink: KeySink | undefined): Reading {
    const window = this.#window;
    let earliest = 0;
    if (expiry === 'relative') {
      while (!window.has(8)) yield;
      earliest = Number(window.memory.view.readBigInt64LE(window.pos));
      window.pos += 8;
    }
    while (!window.tryPlainLength()) yield;
    for (let left = window.length; left > 0; ) {
      window.release();
      const from = window.pos;
      const found = this.#tryExpiringPair(expiry === 'trailing');
      if (!found) {
        window.pos = from;
        yield;
        continue;
      }
      // A relative time is one more than it should be, because 0 stands for none.
      const expireAt = expiry === 'relative' && found.time > 0 ? found.time + earliest - 1 : found.time;
      sink?.field(
        window.bytes(found.nameAt, found.nameLength),
        window.bytes(found.valueAt, found.valueLength),
        expireAt > 0 ? expireAt : undefined,
      );
      left--;
    }
  }

  #tryExpiringPair(isTimeLast: boolean) {
    const window = this.#window;
    let time = 0;
    if (!isTimeLast) {
      if (!window.tryPlainLength()) return undefined;
      time = window.length;
    }
    if (!window.tryString()) return undefined;
    const { stringAt: nameAt, stringLength: nameLength } = window;
    if (!window.tryString()) return undefined;
    const { stringAt: valueAt, stringLength: valueLength } = window;
    if (isTimeLast) {
      if (!window.has(8)) return undefined;
      time = Number(window.memory.view.readBigInt64LE(window.pos));
      window.pos += 8;
    }
    return { nameAt, nameLength, valueAt, valueLength, time };
  }

  /** A module's value is a list of numbers and strings, with what each is before it. Its meaning is the module's. */
  *#module(sink: KeySink | undefined): Reading {
    const window = this.#window;
    // When the value is wanted raw, it is kept already.
    if (sink) window.keep();
    while (!window.tryPlainLength()) yield;
    const name = moduleName(window.lengthHigh, window.lengthLow);
    yield* this.moduleParts();
    if (!sink) return;
    sink.module(name, { type: 7, bytes: window.kept() });
    window.forget();
  }

  /** The parts of a module's value or of what a module keeps beside keys, up to their end mark. */
  *moduleParts(): Reading {
    const window = this.#window;
    for (;;) {
      while (!window.tryPlainLength()) yield;
      const kind = window.length;
      window.release();
      if (kind === 0) return;
      if (kind === 1 || kind === 2) while (!window.tryPlainLength()) yield;
      else if (kind === 3 || kind === 4) {
        const size = kind === 3 ? 4 : 8;
        while (!window.has(size)) yield;
        window.pos += size;
      } else if (kind === 5) while (!window.tryString()) yield;
      else window.corrupt(`a module's value has a part of the unknown kind ${kind}`);
    }
  }
}

const moduleAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Nine characters of six bits, and ten bits for a version. */
export function moduleName(high: number, low: number): string {
  let rest = ((BigInt(high) << 32n) | BigInt(low)) >> 10n;
  let name = '';
  for (let index = 0; index < 9; index++) {
    name = moduleAlphabet.charAt(Number(rest & 63n)) + name;
    rest >>= 6n;
  }
  return name;
}
