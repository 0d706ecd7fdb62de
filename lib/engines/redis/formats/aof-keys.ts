import type { KeySink, StreamId, ValueType } from '../keys/key-sink.ts';
import { parseScore } from '../keys/score-text.ts';

type Damaged = (what: string) => never;

/** The commands that fill a key, and the type that each makes. */
const types: Readonly<Record<string, ValueType>> = {
  SET: 'string',
  RPUSH: 'list',
  SADD: 'set',
  ZADD: 'sorted set',
  HSET: 'hash',
  HPEXPIREAT: 'hash',
  XADD: 'stream',
  XSETID: 'stream',
  XGROUP: 'stream',
  XREADGROUP: 'stream',
  XCLAIM: 'stream',
};

/** Where a command has its key, if not behind its name. */
const keyPlaces: Readonly<Record<string, number>> = { XGROUP: 2, XREADGROUP: 5 };

/**
 * Makes keys of the commands that Holdfast writes. All of a key's commands stand together and its expiry comes last; that of a hash's field stands
 * behind the field, so that the last one is held back until it is known whether it runs out.
 */
export class AofKeys {
  readonly #sink: KeySink;
  #database = 0;
  #key: Buffer | undefined;
  #type: ValueType = 'string';
  #heldField: { readonly name: Buffer; readonly value: Buffer } | undefined;
  #entries = 0n;
  #selects = 0;

  constructor(sink: KeySink) {
    this.#sink = sink;
  }

  /** Takes one command; `damaged` is called for one that Holdfast does not write. */
  command(args: readonly Buffer[], damaged: Damaged): void {
    const name = (args[0] as Buffer).toString('latin1');
    if (name === 'SELECT') {
      this.#endKey(undefined);
      this.#database = whole(args[1], damaged);
      this.#selects = this.#database === 0 ? this.#selects + 1 : 0;
      return;
    }
    if (this.#selects >= 2) damaged('there are commands behind its end');
    this.#selects = 0;
    if (name === 'FUNCTION') {
      this.#endKey(undefined);
      this.#sink.library(required(args[2], damaged));
      return;
    }
    const key = required(args[keyPlaces[name] ?? 1], damaged);
    if (name === 'PEXPIREAT') {
      if (!this.#key?.equals(key)) damaged('an expiry follows another key than its own');
      this.#endKey(whole(args[2], damaged));
      return;
    }
    const type = types[name];
    if (type === undefined) damaged(`'${name.slice(0, 40)}' is no command that Holdfast writes`);
    if (!this.#key?.equals(key)) this.#beginKey(key, type);
    else if (type !== this.#type) damaged(`'${name}' stands in a key of type ${this.#type}`);
    this.#element(name, args, damaged);
  }

  /** Has the end come? */
  end(): boolean {
    this.#endKey(undefined);
    return this.#selects >= 2;
  }

  #beginKey(key: Buffer, type: ValueType): void {
    this.#endKey(undefined);
    this.#key = key;
    this.#type = type;
    this.#entries = 0n;
    this.#sink.beginKey({ database: this.#database, key, type, expireAt: undefined });
  }

  #endKey(expireAt: number | undefined): void {
    if (this.#key === undefined) return;
    this.#releaseField(undefined);
    this.#key = undefined;
    this.#sink.endKey(expireAt);
  }

  #releaseField(expireAt: number | undefined): void {
    if (!this.#heldField) return;
    this.#sink.field(this.#heldField.name, this.#heldField.value, expireAt);
    this.#heldField = undefined;
  }

  #element(name: string, args: readonly Buffer[], damaged: Damaged): void {
    const sink = this.#sink;
    const at = (index: number): Buffer => required(args[index], damaged);
    switch (name) {
      case 'SET':
        sink.string(at(2));
        return;
      case 'RPUSH':
        for (let index = 2; index < args.length; index++) sink.item(at(index));
        return;
      case 'SADD':
        for (let index = 2; index < args.length; index++) sink.member(at(index));
        return;
      case 'ZADD':
        for (let index = 2; index < args.length; index += 2) sink.scored(at(index + 1), scoreOf(at(index), damaged));
        return;
      case 'HSET':
        for (let index = 2; index < args.length; index += 2) {
          this.#releaseField(undefined);
          this.#heldField = { name: at(index), value: at(index + 1) };
        }
        return;
      case 'HPEXPIREAT':
        if (!this.#heldField?.name.equals(at(5))) damaged('an expiry follows another field than its own');
        this.#releaseField(whole(args[2], damaged));
        return;
      case 'XADD':
        // What is added and does not stay makes a stream without entries.
        if (args[2]?.toString('latin1') === 'MAXLEN') return;
        this.#entries++;
        sink.entry(idOf(at(2), damaged), args.slice(3));
        return;
      case 'XSETID':
        sink.streamEnd({
          lastId: idOf(at(2), damaged),
          entriesAdded: args[4] ? BigInt(digits(args[4], damaged)) : this.#entries,
          maxDeletedId: args[6] ? idOf(args[6], damaged) : { ms: 0n, seq: 0n },
        });
        return;
      case 'XGROUP':
        if (at(1).toString('latin1') === 'CREATECONSUMER') {
          sink.consumer(at(4));
          return;
        }
        sink.group({
          name: at(3),
          lastId: idOf(at(4), damaged),
          entriesRead: args[6] ? BigInt(digits(args[6], damaged)) : undefined,
        });
        return;
      case 'XREADGROUP':
        sink.consumer(at(3));
        return;
      default:
        sink.pending({
          id: idOf(at(5), damaged),
          consumer: at(3),
          deliveredAt: whole(args[7], damaged),
          deliveries: whole(args[9], damaged),
        });
    }
  }
}

function required(argument: Buffer | undefined, damaged: Damaged): Buffer {
  return argument ?? damaged('a command lacks an argument');
}

const whole = (argument: Buffer | undefined, damaged: Damaged): number => Number(digits(argument, damaged));

function digits(argument: Buffer | undefined, damaged: Damaged): string {
  const text = required(argument, damaged).toString('latin1');
  return /^-?\d{1,19}$/.test(text) ? text : damaged('a command has other than a number where one must be');
}

function scoreOf(argument: Buffer, damaged: Damaged): number {
  const score = parseScore(argument.toString('latin1'));
  return Number.isNaN(score) ? damaged('a score is no number') : score;
}

function idOf(argument: Buffer, damaged: Damaged): StreamId {
  const match = /^(\d+)-(\d+)$/.exec(argument.toString('latin1'));
  if (!match) return damaged('an id of a stream is none');
  return { ms: BigInt(match[1] ?? 0), seq: BigInt(match[2] ?? 0) };
}
