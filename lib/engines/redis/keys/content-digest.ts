import type { Content, ContentEntry, ContentWords } from '../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../digest/digest-sum.ts';
import { RdbMemory } from '../rdb/rdb-memory.ts';
import { type Expiries, ExpiryHistogram } from './expiries.ts';
import type { KeyHead, KeySink, PendingEntry, RawValue, StreamEnd, StreamGroup, StreamId } from './key-sink.ts';

export const typesAndKeys: ContentWords = { collection: 'type', item: 'key' };

/** The name of a collection whose keys, or some of whose fields, run out. */
export const expiringName = (type: string): string => `${type}, expiring`;

/** What an element of a stream is; the first number of its record. */
const streamParts = { field: 1, end: 2, group: 3, consumer: 4, pending: 5 } as const;

const librarySlot = 63;

/**
 * Counts keys by database and type, and makes of each such collection a digest that depends on values and expiries alone: not on the order of
 * keys, fields and members, and not on how a server encodes them. docs/formats.md has the arithmetic.
 */
export class ContentDigest implements KeySink {
  /** What is in it is hashed in place. */
  readonly memory: RdbMemory;

  readonly #idBytes = Buffer.alloc(16);
  readonly #sums = new Map<string, DigestSum>();
  readonly #slots = new Map<string, number>();
  readonly #expiries = new Map<string, ExpiryHistogram>();

  #database = 0;
  #type = '';
  #first = Infinity;
  #last = 0;
  #index = 0;
  #group: Uint8Array = Buffer.alloc(0);

  constructor(memory: RdbMemory = new RdbMemory()) {
    this.memory = memory;
  }

  beginKey({ database, key, type }: KeyHead): 'elements' {
    if (database !== this.#database) {
      this.#gather();
      this.#database = database;
    }
    this.#type = type;
    this.#first = Infinity;
    this.#last = 0;
    this.#index = 0;
    this.memory.calls.beginKey(this.memory.placeOf(key), key.length);
    return 'elements';
  }

  string(value: Uint8Array): void {
    this.memory.calls.element(this.memory.placeOf(value), value.length);
  }

  member(value: Uint8Array): void {
    this.memory.calls.element(this.memory.placeOf(value), value.length);
  }

  item(value: Uint8Array): void {
    this.memory.calls.whole(this.#index++);
    this.memory.calls.element(this.memory.placeOf(value), value.length);
  }

  scored(member: Uint8Array, score: number): void {
    this.memory.calls.real(score);
    this.memory.calls.element(this.memory.placeOf(member), member.length);
  }

  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void {
    if (expireAt !== undefined) this.#expires(expireAt);
    this.#text(name);
    this.memory.calls.whole(expireAt ?? 0);
    this.memory.calls.element(this.memory.placeOf(value), value.length);
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    const { calls } = this.memory;
    for (let index = 0; index < fields.length; index += 2) {
      calls.whole(streamParts.field);
      this.#id(id);
      calls.whole(index / 2);
      this.#text(fields[index] as Uint8Array);
      this.#text(fields[index + 1] as Uint8Array);
      calls.endElement();
    }
  }

  /** What was added and deleted before is counted by servers since 7.0 only, so it is left out. */
  streamEnd({ lastId }: StreamEnd): void {
    const { calls } = this.memory;
    calls.whole(streamParts.end);
    this.#id(lastId);
    calls.endElement();
  }

  group({ name, lastId }: StreamGroup): void {
    this.#group = Uint8Array.from(name);
    this.memory.calls.whole(streamParts.group);
    this.#text(name);
    this.#id(lastId);
    this.memory.calls.endElement();
  }

  consumer(name: Uint8Array): void {
    const { calls } = this.memory;
    calls.whole(streamParts.consumer);
    this.#text(name);
    this.#text(this.#group);
    calls.endElement();
  }

  pending({ id, consumer, deliveredAt, deliveries }: PendingEntry): void {
    const { calls } = this.memory;
    calls.whole(streamParts.pending);
    this.#text(consumer);
    this.#text(this.#group);
    this.#id(id);
    calls.whole(deliveredAt);
    calls.whole(deliveries);
    calls.endElement();
  }

  module(name: string, { bytes }: RawValue): void {
    this.#type = `module ${name}`;
    this.memory.calls.element(this.memory.placeOf(bytes), bytes.length);
  }

  endKey(expireAt: number | undefined): void {
    if (expireAt !== undefined) this.#expires(expireAt);
    const expires = this.#last > 0;
    const name = expires ? expiringName(this.#type) : this.#type;
    if (expires) this.#noteExpiries(`db${this.#database} ${name}`);
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      if (this.#slots.size === librarySlot) this.#gather();
      slot = this.#slots.size;
      this.#slots.set(name, slot);
    }
    this.memory.calls.endKey(slot, expireAt ?? 0);
  }

  library(code: Uint8Array): void {
    this.memory.calls.beginKey(this.memory.placeOf(code), code.length);
    this.memory.calls.endKey(librarySlot, 0);
  }

  /** What was counted so far. */
  content(): Content {
    this.#gather();
    const entries = [...this.#sums].map(([name, sum]): ContentEntry => {
      const [database = '', ...type] = name.split(' ');
      return { schema: database, name: type.join(' '), rows: sum.rows, bytes: sum.bytes, digest: digestText(sum) };
    });
    const libraries = this.#slot(librarySlot);
    return {
      words: typesAndKeys,
      tables: entries.sort((one, other) => compareText(one.schema, other.schema) || compareText(one.name, other.name)),
      ...(libraries.rows > 0 && {
        definitions: { counts: { 'function library': libraries.rows }, digest: digestText(libraries) },
      }),
    };
  }

  /** When each collection's keys and fields run out, by `db0 string, expiring`. */
  expiries(): Record<string, Required<Expiries>> {
    return Object.fromEntries([...this.#expiries].map(([name, histogram]) => [name, histogram.expiries()]));
  }

  #expires(at: number): void {
    if (at < this.#first) this.#first = at;
    if (at > this.#last) this.#last = at;
  }

  #noteExpiries(name: string): void {
    let histogram = this.#expiries.get(name);
    if (histogram === undefined) {
      histogram = new ExpiryHistogram();
      this.#expiries.set(name, histogram);
    }
    histogram.add(this.#first, this.#last);
  }

  #text(bytes: Uint8Array): void {
    this.memory.calls.text(this.memory.placeOf(bytes), bytes.length);
  }

  #id({ ms, seq }: StreamId): void {
    this.#idBytes.writeBigUInt64BE(ms);
    this.#idBytes.writeBigUInt64BE(seq, 8);
    this.#text(this.#idBytes);
  }

  /** The module sums up for one database at a time: its slots are few, and databases may be many. */
  #gather(): void {
    for (const [type, slot] of this.#slots) {
      const name = `db${this.#database} ${type}`;
      const one = this.#slot(slot);
      this.#sums.set(name, addSums(this.#sums.get(name) ?? emptySum, one));
      const at = this.memory.calls.slots.value + slot * 32;
      this.memory.view.fill(0, at, at + 32);
    }
    this.#slots.clear();
  }

  #slot(slot: number): DigestSum {
    const at = this.memory.calls.slots.value + slot * 32;
    const { view } = this.memory;
    return {
      rows: Number(view.readBigUInt64LE(at + 16)),
      bytes: Number(view.readBigUInt64LE(at + 24)),
      lanes: [view.readBigUInt64LE(at), view.readBigUInt64LE(at + 8)],
    };
  }
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
