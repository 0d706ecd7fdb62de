import { HoldfastError } from '../../../core/errors.ts';
import { type Argument, CommandWriter } from '../protocol/command-writer.ts';
import { isAtLeast, type Server } from '../server.ts';
import type { KeyHead, KeySink, PendingEntry, RawValue, StreamEnd, StreamGroup, StreamId } from './key-sink.ts';
import { scoreText } from './score-text.ts';

/** What the server that is to run the commands understands. */
export type Dialect = {
  /** Streams remember how many entries there ever were, and groups how many they read. */
  readonly hasCounters: boolean;
  /** Consumers can be made before they read. */
  readonly hasConsumers: boolean;
};

export const dialectOf = (server: Pick<Server, 'major' | 'minor'>): Dialect => ({
  hasCounters: isAtLeast(server, 7),
  hasConsumers: isAtLeast(server, 6, 2),
});

/** How many elements, or bytes of them, one command carries: enough to be fast, and few enough not to hold up a server. */
const mostElements = 512;
const mostBytes = 64 * 1024;

const names = { list: 'RPUSH', set: 'SADD', 'sorted set': 'ZADD', hash: 'HSET' } as const;

/**
 * Writes the commands that make each key, in the order in which it comes, into `writer`. A key's expiry is set last, so that a key that is not
 * whole yet does not run out. `count` is how many commands were written.
 */
export class CommandSink implements KeySink {
  count = 0;

  readonly #writer: CommandWriter;
  readonly #dialect: Dialect;
  readonly #batch = new CommandWriter();
  #batched = 0;
  #name: string | undefined;
  #key: Uint8Array = Buffer.alloc(0);
  #group: Uint8Array = Buffer.alloc(0);
  #hasEntries = false;

  constructor(writer: CommandWriter, dialect: Dialect) {
    this.#writer = writer;
    this.#dialect = dialect;
  }

  beginKey({ key, type }: KeyHead): 'elements' | 'raw' {
    this.#key = Uint8Array.from(key);
    this.#name = type in names ? names[type as keyof typeof names] : undefined;
    this.#hasEntries = false;
    return 'elements';
  }

  string(value: Uint8Array): void {
    this.#command('SET', this.#key, value);
  }

  item(value: Uint8Array): void {
    this.#batch.bytes(value);
    this.#batchedOne(1);
  }

  member(value: Uint8Array): void {
    this.item(value);
  }

  scored(member: Uint8Array, score: number): void {
    this.#batch.argument(scoreText(score));
    this.#batch.bytes(member);
    this.#batchedOne(2);
  }

  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void {
    this.#batch.bytes(name);
    this.#batch.bytes(value);
    this.#batchedOne(2);
    if (expireAt === undefined) return;
    const field = Uint8Array.from(name);
    this.#flush();
    this.#command('HPEXPIREAT', this.#key, expireAt, 'FIELDS', 1, field);
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#hasEntries = true;
    this.#command('XADD', this.#key, idText(id), ...fields);
  }

  streamEnd({ lastId, maxDeletedId, entriesAdded }: StreamEnd): void {
    // A stream without entries is made by adding one that does not stay.
    if (!this.#hasEntries) {
      const id = lastId.ms === 0n && lastId.seq === 0n ? '0-1' : idText(lastId);
      this.#command('XADD', this.#key, 'MAXLEN', 0, id, 'x', 'y');
    }
    const counters = ['ENTRIESADDED', entriesAdded, 'MAXDELETEDID', idText(maxDeletedId)];
    this.#command('XSETID', this.#key, idText(lastId), ...(this.#dialect.hasCounters ? counters : []));
  }

  group({ name, lastId, entriesRead }: StreamGroup): void {
    this.#group = Uint8Array.from(name);
    const read = this.#dialect.hasCounters && entriesRead !== undefined ? ['ENTRIESREAD', entriesRead] : [];
    this.#command('XGROUP', 'CREATE', this.#key, name, idText(lastId), ...read);
  }

  consumer(name: Uint8Array): void {
    if (this.#dialect.hasConsumers) this.#command('XGROUP', 'CREATECONSUMER', this.#key, this.#group, name);
    // Who reads again what he has not acknowledged is made by that, and reads nothing new.
    else this.#command('XREADGROUP', 'GROUP', this.#group, name, 'STREAMS', this.#key, 0);
  }

  pending({ id, consumer, deliveredAt, deliveries }: PendingEntry): void {
    const how = ['TIME', deliveredAt, 'RETRYCOUNT', deliveries, 'JUSTID', 'FORCE'];
    this.#command('XCLAIM', this.#key, this.#group, consumer, 0, idText(id), ...how);
  }

  /** No command makes one. */
  module(name: string, _value: RawValue): void {
    throw new HoldfastError('restore-failed', `no command makes a value of the module type '${name}'`);
  }

  endKey(expireAt: number | undefined): void {
    this.#flush();
    if (expireAt !== undefined) this.#command('PEXPIREAT', this.#key, expireAt);
  }

  library(code: Uint8Array): void {
    this.#command('FUNCTION', 'LOAD', code);
  }

  #batchedOne(args: number): void {
    this.#batched += args;
    if (this.#batched >= mostElements || this.#batch.length >= mostBytes) this.#flush();
  }

  #flush(): void {
    if (this.#batched === 0 || this.#name === undefined) return;
    this.#writer.begin(2 + this.#batched);
    this.#writer.argument(this.#name);
    this.#writer.bytes(this.#key);
    this.#writer.append(this.#batch);
    this.#batch.clear();
    this.#batched = 0;
    this.count++;
  }

  #command(...args: readonly Argument[]): void {
    this.#writer.command(...args);
    this.count++;
  }
}

export const idText = ({ ms, seq }: StreamId): string => `${ms}-${seq}`;
