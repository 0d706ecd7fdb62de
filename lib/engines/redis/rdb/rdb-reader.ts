import { HoldfastError } from '../../../core/errors.ts';
import { type KeySink, largestNumber } from '../keys/key-sink.ts';
import { RdbMemory } from './rdb-memory.ts';
import { firstValkeyVersion, opcodes, type RdbType, rdbType } from './types.ts';
import { moduleName, type Reading, ValueReader } from './value-reader.ts';
import { Window } from './window.ts';

/** What an RDB file says of itself. */
export type RdbFacts = {
  /** The version of the format; from 80 on it is Valkey's. */
  readonly version: number;
  /** What the server noted: its version, the time, its memory. */
  readonly notes: Readonly<Record<string, string>>;
  /** Modules that keep something beside keys, which only they can read. */
  readonly moduleData: readonly string[];
  /** Did the server write a checksum, which then is right? */
  readonly hasChecksum: boolean;
};

const newestVersions = { redis: 12, valkey: 80 } as const;

/** What is noted of a file: everything else that servers note is of no use without them. */
const kept = new Set(['redis-ver', 'valkey-ver', 'ctime', 'used-mem', 'repl-id', 'repl-offset', 'redis-bits']);

/**
 * Reads an RDB file as its bytes come and gives its keys to a sink, without holding more of it than one element. Strict: what is not understood
 * to the last byte is refused as `corrupt`, and what a newer server wrote by its name, because nothing after it could be found.
 */
export class RdbReader {
  readonly #window: Window;
  readonly #values: ValueReader;
  readonly #sink: KeySink;
  readonly #rawLimit: number;
  readonly #reading: Reading;
  readonly #notes: Record<string, string> = {};
  readonly #moduleData: string[] = [];
  #version = 0;
  #hasChecksum = false;
  #hasEnded = false;

  /** A value of more than `rawLimitBytes` is given element by element even where it is wanted raw. */
  constructor(
    sink: KeySink,
    {
      memory = new RdbMemory(),
      rawLimitBytes = 0,
    }: { readonly memory?: RdbMemory; readonly rawLimitBytes?: number } = {},
  ) {
    this.#window = new Window(memory);
    this.#values = new ValueReader(this.#window);
    this.#sink = sink;
    this.#rawLimit = rawLimitBytes;
    this.#reading = this.#file();
  }

  /** Has the end of the file come? What is written after it is refused. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes in the next bytes. Throws `corrupt`. */
  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#window.write(chunk);
    if (this.#hasEnded) this.#window.corrupt('there are bytes behind its end');
    this.#reading.next();
    if (this.#hasEnded && this.#window.pos < this.#window.end) this.#window.corrupt('there are bytes behind its end');
  }

  /** What the file says of itself. Throws `dump-incomplete` when its end has not come. */
  end(): RdbFacts {
    if (!this.#hasEnded)
      throw new HoldfastError('dump-incomplete', `the RDB file breaks off at byte ${this.#window.offset}`);
    this.#window.close();
    return {
      version: this.#version,
      notes: this.#notes,
      moduleData: this.#moduleData,
      hasChecksum: this.#hasChecksum,
    };
  }

  *#file(): Reading {
    const window = this.#window;
    while (!window.has(9)) yield;
    this.#version = versionOf(window);
    window.pos += 9;

    let database = 0;
    let expireAt: number | undefined;
    for (;;) {
      window.release();
      while (!window.has(1)) yield;
      const number = window.memory.view[window.pos++] as number;
      const type = rdbType(number, this.#version);
      if (type) {
        while (!window.tryString()) yield;
        const head = {
          database,
          key: window.string(),
          type: type.type,
          expireAt,
          rawType: number,
          rawVersion: this.#version,
        };
        const form = this.#sink.beginKey(head);
        window.release();
        if (form === 'elements') {
          if (!this.#values.tryWhole(type, this.#sink)) yield* this.#values.read(type, this.#sink);
        } else yield* this.#raw(number, type);
        this.#sink.endKey(expireAt);
        expireAt = undefined;
        continue;
      }
      switch (number) {
        case opcodes.expireMilliseconds:
          while (!window.has(8)) yield;
          expireAt = Math.min(Number(window.memory.view.readBigInt64LE(window.pos)), largestNumber);
          window.pos += 8;
          break;
        case opcodes.expireSeconds:
          while (!window.has(4)) yield;
          expireAt = window.memory.view.readInt32LE(window.pos) * 1000;
          window.pos += 4;
          break;
        case opcodes.database:
          while (!window.tryPlainLength()) yield;
          database = window.length;
          break;
        case opcodes.end:
          yield* this.#checksum();
          return;
        default:
          yield* this.#aside(number);
      }
    }
  }

  /** What stands between keys and is none. */
  *#aside(number: number): Reading {
    const window = this.#window;
    const skipLengths = function* (count: number): Reading {
      for (let index = 0; index < count; index++) while (!window.tryPlainLength()) yield;
    };
    switch (number) {
      case opcodes.resize:
        return yield* skipLengths(2);
      case opcodes.slotInfo:
        return yield* skipLengths(3);
      case opcodes.idle:
        return yield* skipLengths(1);
      case opcodes.frequency:
        while (!window.has(1)) yield;
        window.pos++;
        return;
      case opcodes.aux:
        return yield* this.#note();
      case opcodes.library:
        while (!window.tryString()) yield;
        this.#sink.library(window.string());
        return;
      case opcodes.moduleAux:
        while (!window.tryPlainLength()) yield;
        this.#moduleData.push(moduleName(window.lengthHigh, window.lengthLow));
        return yield* this.#values.moduleParts();
      default:
        return window.corrupt(unknown(number, this.#version));
    }
  }

  *#note(): Reading {
    const window = this.#window;
    while (!window.tryString()) yield;
    const name = Buffer.from(window.string()).toString('latin1');
    window.release();
    while (!window.tryString()) yield;
    if (kept.has(name)) this.#notes[name] = Buffer.from(window.string()).toString('latin1');
  }

  /** The value as it stands, if it is not too large; otherwise what was passed is read again, element by element. */
  *#raw(number: number, type: RdbType): Reading {
    const window = this.#window;
    window.keep();
    const passing = this.#values.read(type, undefined);
    while (!passing.next().done) {
      if (window.keptBytes + (window.end - window.pos) > this.#rawLimit) {
        window.rewind();
        this.#sink.tooLarge?.();
        yield* this.#values.read(type, this.#sink);
        return;
      }
      yield;
    }
    this.#sink.raw?.({ type: number, bytes: window.kept() });
    window.forget();
  }

  *#checksum(): Reading {
    const window = this.#window;
    // Before version 5 there was none.
    if (this.#version >= 5) {
      const actual = window.checksum();
      while (!window.has(8)) yield;
      const expected = window.memory.view.readBigUInt64LE(window.pos);
      window.pos += 8;
      this.#hasChecksum = expected !== 0n;
      if (this.#hasChecksum && expected !== actual) window.corrupt('its checksum is another');
    }
    this.#hasEnded = true;
  }
}

function versionOf(window: Window): number {
  const head = window.memory.view.toString('latin1', window.pos, window.pos + 9);
  const match = /^(?:REDIS(\d{4})|VALKEY(\d{3}))$/.exec(head);
  if (!match) window.corrupt('it does not begin as one');
  const version = Number(match[1] ?? match[2]);
  const isValkey = match[2] !== undefined;
  const newest = isValkey ? newestVersions.valkey : newestVersions.redis;
  if (version < 1 || version > newest || isValkey !== version >= firstValkeyVersion)
    window.corrupt(`its format version is ${version}, and ${newest} is the newest that this Holdfast knows`);
  return version;
}

const unknown = (number: number, version: number): string =>
  `the type or mark ${number} is not known in format version ${version}`;
