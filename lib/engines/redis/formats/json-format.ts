import { idText } from '../keys/command-sink.ts';
import type { KeyHead, PendingEntry, RawValue, StreamEnd, StreamGroup, StreamId } from '../keys/key-sink.ts';
import { scoreText } from '../keys/score-text.ts';
import type { FormatWriter, KeyFormat } from './format.ts';
import { JsonReader } from './json-reader.ts';
import { JsonText } from './json-text.ts';

/** JSON Lines: a key a line, a large one several. docs/redis-json.md has the schema of the lines. */
export const jsonFormat: KeyFormat = {
  name: 'redis-json',
  reader: (sink) => new JsonReader(sink),
  writer: () => new JsonWriter(),
};

/** Where a line of a large key ends and another begins. */
const longLine = 1024 * 1024;

class JsonWriter implements FormatWriter {
  readonly #text = new JsonText();
  #keys = 0;
  #head: Pick<KeyHead, 'database' | 'type'> & { readonly key: Uint8Array } = {
    database: 0,
    type: 'string',
    key: Buffer.alloc(0),
  };
  #lineBegan = 0;
  /** What has to be closed before the line, or an element of another kind, can end. */
  #open: '' | 'value' | 'consumers' | 'pending' = '';
  #separator = '';
  #groups = 0;
  #pending: JsonText | undefined;

  constructor() {
    this.#text.raw('{"format":"holdfast-redis-json","version":1}\n');
  }

  get length(): number {
    return this.#text.length;
  }

  beginKey({ database, key, type }: KeyHead): 'elements' {
    this.#keys++;
    this.#groups = 0;
    // A key of many elements may go on in another line, which names it once more.
    this.#head = { database, type, key: type === 'string' ? key : Uint8Array.from(key) };
    this.#beginLine();
    return 'elements';
  }

  string(value: Uint8Array): void {
    this.#text.raw(',"value":');
    this.#text.bytes(value);
  }

  item(value: Uint8Array): void {
    this.#next();
    this.#text.bytes(value);
  }

  member(value: Uint8Array): void {
    this.item(value);
  }

  scored(member: Uint8Array, score: number): void {
    this.#next();
    this.#text.raw('[');
    this.#text.bytes(member);
    this.#text.raw(Number.isFinite(score) ? `,${scoreText(score)}]` : `,"${scoreText(score)}"]`);
  }

  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void {
    this.#next();
    this.#text.raw('[');
    this.#text.bytes(name);
    this.#text.raw(',');
    this.#text.bytes(value);
    this.#text.raw(expireAt === undefined ? ']' : `,${expireAt}]`);
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#next();
    this.#text.raw(`["${idText(id)}",[`);
    for (const [index, field] of fields.entries()) {
      if (index > 0) this.#text.raw(',');
      this.#text.bytes(field);
    }
    this.#text.raw(']]');
  }

  streamEnd({ lastId, maxDeletedId, entriesAdded }: StreamEnd): void {
    this.#closeValue();
    this.#text.raw(
      `,"lastId":"${idText(lastId)}","maxDeletedId":"${idText(maxDeletedId)}","entriesAdded":${entriesAdded}`,
    );
  }

  group({ name, lastId, entriesRead }: StreamGroup): void {
    this.#closeGroup();
    this.#text.raw(this.#groups++ === 0 ? ',"groups":[' : ',');
    this.#text.raw('{"name":');
    this.#text.bytes(name);
    this.#text.raw(`,"lastId":"${idText(lastId)}"${entriesRead === undefined ? '' : `,"entriesRead":${entriesRead}`}`);
    this.#text.raw(',"consumers":[');
    this.#open = 'consumers';
    this.#separator = '';
  }

  consumer(name: Uint8Array): void {
    if (this.#separator !== '') this.#text.raw(',');
    this.#separator = ',';
    this.#text.bytes(name);
  }

  /** The entries of all consumers of a group stand together behind the consumers, and come between them. */
  pending({ id, consumer, deliveredAt, deliveries }: PendingEntry): void {
    const first = this.#pending === undefined;
    this.#pending ??= new JsonText();
    this.#pending.raw(`${first ? '' : ','}["${idText(id)}",`);
    this.#pending.bytes(consumer);
    this.#pending.raw(`,${deliveredAt},${deliveries}]`);
  }

  module(name: string, { bytes }: RawValue): void {
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    this.#text.raw(`,"module":${JSON.stringify(name)},"payload":"${payload}"`);
  }

  endKey(expireAt: number | undefined): void {
    this.#closeValue();
    this.#closeGroup();
    if (this.#groups > 0) this.#text.raw(']');
    this.#text.raw(expireAt === undefined ? '}\n' : `,"expireAt":${expireAt}}\n`);
  }

  library(code: Uint8Array): void {
    this.#text.raw('{"library":');
    this.#text.bytes(code);
    this.#text.raw('}\n');
  }

  take(): Uint8Array {
    const taken = this.#text.take();
    this.#lineBegan -= taken.length;
    return taken;
  }

  end(): void {
    this.#text.raw(`{"end":true,"keys":${this.#keys}}\n`);
  }

  #beginLine(): void {
    this.#lineBegan = this.#text.length;
    this.#text.raw(`{"db":${this.#head.database},"key":`);
    this.#text.bytes(this.#head.key);
    this.#text.raw(`,"type":"${this.#head.type}"`);
    this.#open = '';
  }

  /** Makes room for an element of a value that has many. */
  #next(): void {
    if (this.#open === 'value' && this.#text.length - this.#lineBegan > longLine) {
      this.#closeValue();
      this.#text.raw(',"more":true}\n');
      this.#beginLine();
    }
    this.#text.raw(this.#open === 'value' ? ',' : ',"value":[');
    this.#open = 'value';
  }

  #closeValue(): void {
    if (this.#open !== 'value') return;
    this.#text.raw(']');
    this.#open = '';
  }

  #closeGroup(): void {
    if (this.#open !== 'consumers') return;
    this.#text.raw('],"pending":[');
    if (this.#pending) this.#text.raw(Buffer.from(this.#pending.take()).toString('latin1'));
    this.#pending = undefined;
    this.#text.raw(']}');
    this.#open = '';
  }
}
