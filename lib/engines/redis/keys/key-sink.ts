import type { RdbMemory } from '../rdb/rdb-memory.ts';

/** The types that Redis itself has. A module's values are of type `module`. */
export type ValueType = 'string' | 'list' | 'set' | 'sorted set' | 'hash' | 'stream' | 'module';

/**
 * A key as it begins. Times are in milliseconds since 1970. `expireAt` is undefined for a key that does not run out, and where the reader
 * does not know it before the key's end.
 */
export type KeyHead = {
  readonly database: number;
  readonly key: Uint8Array;
  readonly type: ValueType;
  readonly expireAt: number | undefined;
  /** The type as the RDB file numbers it, and the file's version, where it comes from one and can be given `raw`. */
  readonly rawType?: number;
  readonly rawVersion?: number;
};

/** The largest number that a server takes as a time or a count, as far as a float can tell it from the one beyond. */
export const largestNumber = 2 ** 63 - 1024;

/** Both halves of a stream entry's id. */
export type StreamId = { readonly ms: bigint; readonly seq: bigint };

export type StreamEnd = {
  readonly lastId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: bigint;
};

/** `entriesRead` is undefined where the server could not tell how many entries were read. */
export type StreamGroup = {
  readonly name: Uint8Array;
  readonly lastId: StreamId;
  readonly entriesRead: bigint | undefined;
};

export type PendingEntry = {
  readonly id: StreamId;
  readonly consumer: Uint8Array;
  readonly deliveredAt: number;
  readonly deliveries: number;
};

/** A value as it stands in an RDB file, of which `RESTORE` makes a key again: its type, and the bytes behind it. */
export type RawValue = { readonly type: number; readonly bytes: Uint8Array };

/**
 * Takes keys one after another, element by element, so that no key has to fit into memory. All bytes are good until the call returns.
 *
 * A stream gives its entries, then how it ends, and then each group followed by the group's consumers and pending entries.
 */
export interface KeySink {
  /** Where the sink works: a reader that reads into it saves copies. */
  readonly memory?: RdbMemory | undefined;
  /** The answer says in which form the value is wanted: element by element, or `raw` where the reader can give it so. */
  beginKey(key: KeyHead): 'elements' | 'raw';
  /** All of a value, and nothing else before `endKey`; only where it was wanted and is not too large. */
  raw?(value: RawValue): void;
  /** The value was wanted raw, and is too large for it: its elements follow. */
  tooLarge?(): void;
  string(value: Uint8Array): void;
  item(value: Uint8Array): void;
  member(value: Uint8Array): void;
  scored(member: Uint8Array, score: number): void;
  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void;
  /** `fields` has names and values by turns. */
  entry(id: StreamId, fields: readonly Uint8Array[]): void;
  streamEnd(end: StreamEnd): void;
  group(group: StreamGroup): void;
  consumer(name: Uint8Array): void;
  pending(entry: PendingEntry): void;
  /** The value of a module's type, as it stands in an RDB file. */
  module(name: string, value: RawValue): void;
  /** Ends the key, which runs out then, or not at all. */
  endKey(expireAt: number | undefined): void;
  /** A library of functions, as `FUNCTION LOAD` takes it. */
  library(code: Uint8Array): void;
}
