import type { RdbMemory } from '../rdb/rdb-memory.ts';
import type { KeyHead, KeySink, PendingEntry, RawValue, StreamEnd, StreamGroup, StreamId } from './key-sink.ts';

/** Gives all that comes to two sinks, element by element. */
export class TeeSink implements KeySink {
  readonly memory: RdbMemory | undefined;
  readonly #one: KeySink;
  readonly #other: KeySink;

  constructor(one: KeySink, other: KeySink) {
    this.memory = one.memory ?? other.memory;
    this.#one = one;
    this.#other = other;
  }

  beginKey(key: KeyHead): 'elements' {
    this.#one.beginKey(key);
    this.#other.beginKey(key);
    return 'elements';
  }

  string(value: Uint8Array): void {
    this.#one.string(value);
    this.#other.string(value);
  }

  item(value: Uint8Array): void {
    this.#one.item(value);
    this.#other.item(value);
  }

  member(value: Uint8Array): void {
    this.#one.member(value);
    this.#other.member(value);
  }

  scored(member: Uint8Array, score: number): void {
    this.#one.scored(member, score);
    this.#other.scored(member, score);
  }

  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void {
    this.#one.field(name, value, expireAt);
    this.#other.field(name, value, expireAt);
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#one.entry(id, fields);
    this.#other.entry(id, fields);
  }

  streamEnd(end: StreamEnd): void {
    this.#one.streamEnd(end);
    this.#other.streamEnd(end);
  }

  group(group: StreamGroup): void {
    this.#one.group(group);
    this.#other.group(group);
  }

  consumer(name: Uint8Array): void {
    this.#one.consumer(name);
    this.#other.consumer(name);
  }

  pending(entry: PendingEntry): void {
    this.#one.pending(entry);
    this.#other.pending(entry);
  }

  module(name: string, value: RawValue): void {
    this.#one.module(name, value);
    this.#other.module(name, value);
  }

  endKey(expireAt: number | undefined): void {
    this.#one.endKey(expireAt);
    this.#other.endKey(expireAt);
  }

  library(code: Uint8Array): void {
    this.#one.library(code);
    this.#other.library(code);
  }
}
