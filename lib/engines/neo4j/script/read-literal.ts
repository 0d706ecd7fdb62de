import { Duration, LocalDateTime, LocalTime, Date as PlainDate, Point, Time } from 'neo4j-driver';
import { HoldfastError } from '../../../core/errors.ts';
import { dateTimeOf, offsetOf } from './epoch.ts';

/** What a literal stands for, as the driver takes it: whole numbers are bigints, and a number is a float. */
export type Value =
  | string
  | bigint
  | number
  | boolean
  | Int8Array
  | readonly Value[]
  | { readonly [key: string]: Value }
  | object;

/**
 * Reads the literals that write-literal.ts writes, and no others: a script is data here, whatever else Cypher would make of it. Throws
 * `corrupt`, naming the place and never a value.
 */
export class LiteralReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** Takes exactly this. */
  expect(wanted: string): void {
    if (!this.#text.startsWith(wanted, this.#at)) throw this.#fault(`'${wanted}'`);
    this.#at += wanted.length;
  }

  /** Takes this if it is next. */
  takes(wanted: string): boolean {
    if (!this.#text.startsWith(wanted, this.#at)) return false;
    this.#at += wanted.length;
    return true;
  }

  /** Takes a whole number. */
  integer(): bigint {
    return BigInt(this.#match(integer, 'a whole number'));
  }

  /** Takes a name in backquotes, and gives it without. */
  name(): string {
    const quoted = this.#match(quotedName, 'a name');
    const inside = quoted.slice(1, -1).replaceAll('``', '`');
    return inside.includes('\\') ? inside.replaceAll(unicodeEscape, fromEscape) : inside;
  }

  /** Takes labels: `` :`A`:`B` ``, perhaps none. */
  labels(): readonly string[] {
    const labels: string[] = [];
    while (this.takes(':')) labels.push(this.name());
    return labels;
  }

  /** Takes a map of properties. */
  properties(): Readonly<Record<string, Value>> {
    this.expect('{');
    const map: Record<string, Value> = {};
    if (this.takes('}')) return map;
    let last: string | undefined;
    do {
      const key = this.name();
      if (last !== undefined && last >= key) throw this.#fault('keys in order');
      last = key;
      this.expect(':');
      const value = this.value();
      // An assignment to '__proto__' would change what the map is.
      if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true });
      else map[key] = value;
    } while (this.takes(','));
    this.expect('}');
    return map;
  }

  /** Takes any value. */
  value(): Value {
    const next = this.#text[this.#at] ?? '';
    if (next === "'") return this.#string();
    if (next === '[') return this.#list();
    const literal = this.#matchAny(number);
    if (literal !== undefined) return /[.e]/.test(literal) ? Number(literal) : BigInt(literal);
    const word = this.#match(words, 'a value');
    const read = readers[word];
    return read === undefined ? constantOf(word) : read(this);
  }

  /** No pattern for the whole of it: what it might have to come back to would fill the stack with a text of some megabytes. */
  #string(): string {
    if (this.#text[this.#at] !== "'") throw this.#fault('a text');
    const begin = this.#at + 1;
    let end = begin;
    for (;;) {
      textSpecial.lastIndex = end;
      const special = textSpecial.exec(this.#text);
      if (special === null) throw this.#fault('a text');
      if (special[0] === "'") {
        end = special.index;
        break;
      }
      end = special.index + 2;
    }
    this.#at = end + 1;
    const inside = this.#text.slice(begin, end);
    return inside.includes('\\') ? inside.replaceAll(anyEscape, fromEscape) : inside;
  }

  /** Takes a text in quotation marks. */
  text(): string {
    return this.#string();
  }

  #list(): readonly Value[] {
    this.expect('[');
    const list: Value[] = [];
    if (this.takes(']')) return list;
    do list.push(this.value());
    while (this.takes(','));
    this.expect(']');
    return list;
  }

  #matchAny(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #match(pattern: RegExp, what: string): string {
    const found = this.#matchAny(pattern);
    if (found === undefined) throw this.#fault(what);
    return found;
  }

  #fault(expected: string): HoldfastError {
    return new HoldfastError('corrupt', `expected ${expected} at character ${this.#at + 1} of a line`);
  }
}

const integer = /-?\d+(?![\d.e])/y;
const number = /-?\d+(?:\.\d+)?(?:e-?\d+)?/y;
const words =
  /true|false|NaN|-?Infinity|\/\*bytes\*\/|date(?=\()|localtime(?=\()|localdatetime(?=\()|time(?=\()|datetime(?=\()|duration(?=\()|point(?=\()/y;
const textSpecial = /['\\]/g;
const quotedName = /`(?:[^`]|``)*`/y;
const unicodeEscape = /\\u[0-9a-f]{4}/g;
const anyEscape = /\\(?:u[0-9a-f]{4}|.)/g;

function fromEscape(escaped: string): string {
  const kind = escaped[1] ?? '';
  if (kind === 'u' && escaped.length === 6) return String.fromCharCode(Number.parseInt(escaped.slice(2), 16));
  const character = characters[kind];
  if (character === undefined) throw new HoldfastError('corrupt', 'a text holds an escape that no script has');
  return character;
}

const characters: Readonly<Record<string, string>> = { '\\': '\\', "'": "'", n: '\n', r: '\r', t: '\t' };

function constantOf(word: string): Value {
  return word === 'true' || word === 'false' ? word === 'true' : Number(word);
}

/** `name('text')`, the text in the form that the driver prints. */
function readQuoted<Result>(
  reader: LiteralReader,
  pattern: RegExp,
  make: (parts: readonly bigint[]) => Result,
): Result {
  reader.expect('(');
  const parts = pattern.exec(reader.text());
  reader.expect(')');
  if (parts === null) throw new HoldfastError('corrupt', 'a date or time is not in the form that a script has');
  return make(parts.slice(1).map((part) => BigInt(part ?? 0)));
}

const dateForm = '([+-]?\\d{4,9})-(\\d\\d)-(\\d\\d)';
const timeForm = '(\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d{9}))?';
const onlyDate = new RegExp(`^${dateForm}$`);
const onlyTime = new RegExp(`^${timeForm}$`);
const dateAndTime = new RegExp(`^${dateForm}T${timeForm}$`);

/** `name({field:…,field:…})` of whole numbers. */
function readFields(reader: LiteralReader, names: readonly string[]): readonly bigint[] {
  return names.map((name, index) => {
    reader.expect(`${index === 0 ? '({' : ','}${name}:`);
    return reader.integer();
  });
}

function readZone(reader: LiteralReader): string {
  reader.expect(',timezone:');
  const zone = reader.text();
  reader.expect('})');
  return zone;
}

function readCoordinate(reader: LiteralReader): number {
  const value = reader.value();
  if (typeof value !== 'number') throw new HoldfastError('corrupt', 'a coordinate is no float');
  return value;
}

/** The driver's classes take bigints, which its types do not say, and refuse what no calendar has. */
function make<Result>(type: new (...fields: never[]) => Result, ...fields: readonly unknown[]): Result {
  return valid(() => new type(...(fields as never[])));
}

function valid<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw new HoldfastError('corrupt', 'a date, time, duration or point is none that there is', { cause });
  }
}

const readers: Readonly<Record<string, (reader: LiteralReader) => Value>> = {
  '/*bytes*/': (reader) => {
    const list = reader.value();
    if (!Array.isArray(list)) throw new HoldfastError('corrupt', 'bytes are no list');
    return Int8Array.from(list, (byte) => {
      if (typeof byte !== 'bigint' || byte < -128n || byte > 127n) throw new HoldfastError('corrupt', 'a byte is none');
      return Number(byte);
    });
  },
  date: (reader) => readQuoted(reader, onlyDate, (parts) => make(PlainDate, ...parts)),
  localtime: (reader) => readQuoted(reader, onlyTime, (parts) => make(LocalTime, ...parts)),
  localdatetime: (reader) => readQuoted(reader, dateAndTime, (parts) => make(LocalDateTime, ...parts)),
  time: (reader) => {
    const fields = readFields(reader, ['hour', 'minute', 'second', 'nanosecond']);
    const offset = offsetOf(readZone(reader));
    if (offset === undefined) throw new HoldfastError('corrupt', 'a time has the name of a zone');
    return make(Time, ...fields, offset);
  },
  datetime: (reader) => {
    const [epochSecond = 0n, nanosecond = 0n] = readFields(reader, ['epochSeconds', 'nanosecond']);
    const zone = readZone(reader);
    return valid(() => dateTimeOf(epochSecond, nanosecond, zone));
  },
  duration: (reader) => {
    const fields = readFields(reader, ['months', 'days', 'seconds', 'nanoseconds']);
    reader.expect('})');
    return make(Duration, ...fields);
  },
  point: (reader) => {
    const fields = readFields(reader, ['srid']);
    reader.expect(',x:');
    const coordinates = [readCoordinate(reader)];
    reader.expect(',y:');
    coordinates.push(readCoordinate(reader));
    if (reader.takes(',z:')) coordinates.push(readCoordinate(reader));
    reader.expect('})');
    return make(Point, ...fields, ...coordinates);
  },
};
