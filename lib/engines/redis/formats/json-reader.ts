import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { type KeySink, largestNumber, type StreamId, type ValueType } from '../keys/key-sink.ts';
import type { FormatReader } from './format.ts';

/** More is no text that JavaScript could hold. */
const longestLine = 512 * 1024 ** 2;

type Text = string | { readonly base64: string };
type Line = {
  readonly db: number;
  readonly key: Text;
  readonly type: ValueType;
  readonly value?: unknown;
  readonly expireAt?: number;
  readonly more?: boolean;
  readonly module?: string;
  readonly payload?: string;
  readonly lastId?: string;
  readonly maxDeletedId?: string;
  readonly entriesAdded?: number;
  readonly groups?: readonly Group[];
};
type Group = {
  readonly name: Text;
  readonly lastId: string;
  readonly entriesRead?: number;
  readonly consumers: readonly Text[];
  readonly pending: readonly (readonly [string, Text, number, number])[];
};

const headSchema = z.strictObject({ format: z.literal('holdfast-redis-json'), version: z.literal(1) });

/** Reads the lines of a JSON export, each of which is proved to have what it should. */
export class JsonReader implements FormatReader {
  readonly keepsChunks = false;

  readonly #sink: KeySink;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #line = 0;
  #keys = 0;
  #hasEnded = false;
  #isContinued = false;

  constructor(sink: KeySink) {
    this.#sink = sink;
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const last = bytes.subarray(from, end);
      this.#take(this.#rest.length === 0 ? last : Buffer.concat([...this.#rest, last]));
      this.#rest = [];
      this.#restBytes = 0;
      from = end + 1;
    }
    if (from === bytes.length) return;
    // The chunk is its giver's again when this returns.
    this.#rest.push(Buffer.from(bytes.subarray(from)));
    this.#restBytes += bytes.length - from;
    if (this.#restBytes > longestLine) this.#damaged('it is longer than any can be');
  }

  end(): Record<string, never> {
    if (!this.#hasEnded || this.#restBytes > 0)
      throw new HoldfastError('dump-incomplete', `the JSON export breaks off in line ${this.#line + 1}`);
    return {};
  }

  #take(bytes: Buffer): void {
    this.#line++;
    if (this.#hasEnded) this.#damaged('it stands behind the end');
    let value: Record<string, unknown>;
    try {
      value = JSON.parse(bytes.toString()) as Record<string, unknown>;
    } catch {
      this.#damaged('it is not JSON');
    }
    if (value === null || typeof value !== 'object') this.#damaged('it is no object');
    if (this.#line === 1) {
      if (!headSchema.safeParse(value).success) this.#damaged('it does not say that this is an export of version 1');
      return;
    }
    if (value['end'] === true) {
      if (value['keys'] !== this.#keys || this.#isContinued)
        this.#damaged(`it says ${value['keys']} keys, and there are ${this.#keys}`);
      this.#hasEnded = true;
      return;
    }
    try {
      if ('library' in value) this.#sink.library(bytesOf(value['library'] as Text));
      else this.#key(value as unknown as Line);
    } catch (error) {
      if (error instanceof HoldfastError) throw error;
      this.#damaged('it is not what a key looks like');
    }
  }

  #key(line: Line): void {
    if (!this.#isContinued) {
      this.#keys++;
      const { db: database, type } = line;
      if (!Number.isInteger(database) || database < 0) this.#damaged('its database is no number');
      this.#sink.beginKey({ database, key: bytesOf(line.key), type, expireAt: line.expireAt });
    }
    this.#value(line);
    this.#isContinued = line.more === true;
    if (!this.#isContinued) this.#sink.endKey(line.expireAt);
  }

  #value(line: Line): void {
    const sink = this.#sink;
    const { value } = line;
    switch (line.type) {
      case 'string':
        sink.string(bytesOf(value as Text));
        return;
      case 'list':
        for (const item of listOf(value)) sink.item(bytesOf(item as Text));
        return;
      case 'set':
        for (const member of listOf(value)) sink.member(bytesOf(member as Text));
        return;
      case 'sorted set':
        for (const [member, score] of listOf(value) as [Text, unknown][]) sink.scored(bytesOf(member), scoreOf(score));
        return;
      case 'hash':
        for (const [name, text, expireAt] of listOf(value) as [Text, Text, number | undefined][])
          sink.field(bytesOf(name), bytesOf(text), expireAt);
        return;
      case 'stream':
        for (const [id, fields] of listOf(value) as [string, Text[]][]) sink.entry(idOf(id), fields.map(bytesOf));
        if (line.more !== true) this.#streamEnd(line);
        return;
      case 'module':
        sink.module(String(line.module), { type: 7, bytes: Buffer.from(String(line.payload), 'base64') });
        return;
      default:
        line.type satisfies never;
        this.#damaged(`'${String(line.type).slice(0, 40)}' is no type`);
    }
  }

  #streamEnd({ lastId, maxDeletedId, entriesAdded, groups = [] }: Line): void {
    const sink = this.#sink;
    sink.streamEnd({
      lastId: idOf(lastId),
      maxDeletedId: idOf(maxDeletedId),
      entriesAdded: countOf(entriesAdded),
    });
    for (const group of groups) {
      const entriesRead = group.entriesRead === undefined ? undefined : countOf(group.entriesRead);
      sink.group({ name: bytesOf(group.name), lastId: idOf(group.lastId), entriesRead });
      for (const consumer of group.consumers) sink.consumer(bytesOf(consumer));
      for (const [id, consumer, deliveredAt, deliveries] of group.pending)
        sink.pending({ id: idOf(id), consumer: bytesOf(consumer), deliveredAt, deliveries });
    }
  }

  #damaged(what: string): never {
    throw new HoldfastError('corrupt', `the JSON export is damaged in line ${this.#line}: ${what}`);
  }
}

const listOf = (value: unknown): readonly unknown[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value;
};

function bytesOf(text: Text): Buffer {
  if (typeof text === 'string') return Buffer.from(text);
  if (typeof text?.base64 !== 'string') throw new TypeError('no text');
  return Buffer.from(text.base64, 'base64');
}

/** A count may be larger than a float holds to the last digit. */
const countOf = (count: number | undefined): bigint => BigInt(Math.min(count ?? Number.NaN, largestNumber));

function scoreOf(score: unknown): number {
  if (score === 'inf') return Infinity;
  if (score === '-inf') return -Infinity;
  if (typeof score !== 'number') throw new TypeError('no score');
  return score;
}

function idOf(text: string | undefined): StreamId {
  const match = /^(\d+)-(\d+)$/.exec(text ?? '');
  if (!match) throw new TypeError('no id');
  return { ms: BigInt(match[1] ?? 0), seq: BigInt(match[2] ?? 0) };
}
