import type { StreamRecord } from '../../../core/manifest.ts';
import type { OnConflict } from '../../../core/vocabulary.ts';
import { Refusal } from '../errors.ts';
import { keyFormatNamed } from '../formats/formats.ts';
import type { KeyHead } from '../keys/key-sink.ts';
import { RoutedSink } from '../keys/routed-sink.ts';
import { RdbMemory } from '../rdb/rdb-memory.ts';
import type { Lane } from './lanes.ts';

/** Which of a backup's keys the destination has, and which are not restored since their time has run out, by the place in which they come. */
export class KnownConflicts {
  readonly onConflict: OnConflict;
  /** Keys whose time has run out are in nobody's way, and are none of these. */
  count = 0;

  readonly #there = new Bits();
  readonly #expired = new Bits();

  constructor(onConflict: OnConflict) {
    this.onConflict = onConflict;
  }

  add(ordinal: number): void {
    this.#there.add(ordinal);
    if (!this.#expired.has(ordinal)) this.count++;
  }

  /** A format may say when a key runs out behind its value: then it has been asked for, and was perhaps found. */
  addExpired(ordinal: number): void {
    this.#expired.add(ordinal);
    if (this.#there.has(ordinal)) this.count--;
  }

  has(ordinal: number): boolean {
    return this.#there.has(ordinal);
  }

  hasExpired(ordinal: number): boolean {
    return this.#expired.has(ordinal);
  }
}

/** A bit for each place. */
class Bits {
  #bits = new Uint8Array(1024);

  add(ordinal: number): void {
    const place = ordinal >> 3;
    if (place >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(place + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[place] = (this.#bits[place] as number) | (1 << (ordinal & 7));
  }

  has(ordinal: number): boolean {
    return ((this.#bits[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
  }
}

type Options = {
  readonly laneOf: (key: Uint8Array) => Lane;
  readonly lanes: readonly Lane[];
  readonly databases: ReadonlyMap<number, number>;
  readonly onConflict: OnConflict;
  readonly now: number;
  readonly signal: AbortSignal;
};

/** Asks the destination for each key of a stream whether it has it. Reads the stream once, and changes nothing. */
export async function findConflicts(
  stream: { readonly record: Pick<StreamRecord, 'format'>; open(): AsyncIterable<Uint8Array> },
  options: Options,
): Promise<KnownConflicts> {
  const found = new KnownConflicts(options.onConflict);
  const asked = new Map<Lane, number[]>(options.lanes.map((lane) => [lane, []]));
  const sink = new AskingSink(options, asked, found);
  const reader = keyFormatNamed(stream.record.format).reader(sink);
  const flush = async (all: boolean): Promise<void> => {
    for (const [lane, ordinals] of asked) {
      if (ordinals.length === 0 || (!all && ordinals.length < 1000)) continue;
      const asking = ordinals.splice(0);
      // The commands that choose a database stand between the questions, and have no place of their own.
      await lane.session.send(lane.writer.take(), asking.length, (reply, index) => {
        if (reply instanceof Refusal) throw reply;
        if (reply === 1) found.add(asking[index] as number);
      });
    }
  };
  for await (const chunk of stream.open()) {
    options.signal.throwIfAborted();
    reader.write(chunk);
    await flush(false);
  }
  reader.end();
  await flush(true);
  await Promise.all(options.lanes.map(({ session }) => session.settled()));
  for (const lane of options.lanes) lane.otherCommands = 0;
  return found;
}

/** No place of a key: the answer to a command that chooses a database. */
const noPlace = -1;

class AskingSink extends RoutedSink {
  readonly memory = new RdbMemory();
  readonly #options: Options;
  readonly #asked: ReadonlyMap<Lane, number[]>;
  readonly #found: KnownConflicts;
  #ordinal = 0;
  /** Of the key that is being read, if it has a place. */
  #current: number | undefined;

  constructor(options: Options, asked: ReadonlyMap<Lane, number[]>, found: KnownConflicts) {
    super();
    this.#options = options;
    this.#asked = asked;
    this.#found = found;
  }

  protected route({ key, database, expireAt }: KeyHead): undefined {
    const into = this.#options.databases.get(database);
    this.#current = into === undefined ? undefined : this.#ordinal++;
    if (into === undefined || this.#current === undefined || this.#isPast(expireAt)) return undefined;
    const lane = this.#options.laneOf(key);
    const ordinals = this.#asked.get(lane) as number[];
    const before = lane.otherCommands;
    lane.select(into);
    if (lane.otherCommands > before) ordinals.push(noPlace);
    lane.writer.command('EXISTS', key);
    ordinals.push(this.#current);
    return undefined;
  }

  override endKey(expireAt: number | undefined): void {
    super.endKey(expireAt);
    if (this.#current !== undefined && this.#isPast(expireAt)) this.#found.addExpired(this.#current);
  }

  #isPast(expireAt: number | undefined): boolean {
    return expireAt !== undefined && expireAt <= this.#options.now;
  }
}
