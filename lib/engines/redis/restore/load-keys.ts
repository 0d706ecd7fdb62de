import type { StreamRecord } from '../../../core/manifest.ts';
import { freeMemory } from '../../../pipeline/free-memory.ts';
import { keyFormatNamed } from '../formats/formats.ts';
import { type ContentDigest, expiringName } from '../keys/content-digest.ts';
import { ExpiryHistogram } from '../keys/expiries.ts';
import type { KeyHead, KeySink, RawValue } from '../keys/key-sink.ts';
import { RoutedSink } from '../keys/routed-sink.ts';
import { payloadVersion } from '../rdb/payload-version.ts';
import { RdbMemory } from '../rdb/rdb-memory.ts';
import type { Server } from '../server.ts';
import type { KnownConflicts } from './find-conflicts.ts';
import type { Lane } from './lanes.ts';

/** A value that is larger is restored by commands: RESTORE of a whole would hold up the server, and this process's memory. */
const rawLimitBytes = 16 * 1024 * 1024;

/** Of modules' values, which every server since 5.0 takes. */
const oldestVersion = 9;

export type LoadOptions = {
  readonly server: Server;
  /** Chooses the session of a key. */
  readonly laneOf: (key: Uint8Array) => Lane;
  readonly lanes: readonly Lane[];
  /** Where the keys of each of the backup's databases go; the others' are left out. */
  readonly databases: ReadonlyMap<number, number>;
  /** What is there already; undefined where nothing is. */
  readonly conflicts?: KnownConflicts | undefined;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
};

export type Loaded = {
  keys: number;
  /** The same of each stream. */
  readonly keysOfStreams: number[];
  /** Keys whose time had run out; they are not restored. */
  expired: number;
  /** Keys that the destination had. */
  skipped: number;
  replaced: number;
  /** Pending entries of messages that are deleted, which no command makes. */
  unclaimed: number;
  /** Counts of what was left out although the backup has it, to be taken from what it says. */
  readonly leftOut: ContentDigest;
  readonly libraries: Buffer[];
  /**
   * When the keys that were made run out, by `db0 string, expiring`. Hashes and modules are left out: what runs out in them is not seen where
   * they are restored as they stand.
   */
  readonly expiries: Map<string, ExpiryHistogram>;
};

/** Reads a stream and makes its keys over the lanes. Resolves when the servers have answered to all of it. */
export async function loadKeys(
  stream: { readonly record: Pick<StreamRecord, 'format'>; open(): AsyncIterable<Uint8Array> },
  options: LoadOptions,
  loaded: Loaded,
): Promise<void> {
  const sink = new LoadingSink(options, loaded);
  const reader = keyFormatNamed(stream.record.format).reader(sink, { rawLimitBytes });
  let bytes = 0;
  for await (const chunk of stream.open()) {
    options.signal.throwIfAborted();
    reader.write(chunk);
    bytes += chunk.length;
    if (!reader.keepsChunks) freeMemory(chunk);
    await Promise.all(options.lanes.map((lane) => lane.flush(false)));
    options.progress(bytes);
  }
  reader.end();
  await Promise.all(options.lanes.map((lane) => lane.flush(true)));
  await Promise.all(options.lanes.map((lane) => lane.settled()));
}

class LoadingSink extends RoutedSink {
  readonly memory = new RdbMemory();
  readonly #options: LoadOptions;
  readonly #loaded: Loaded;
  readonly #lanes = new Map<Lane, LaneSink>();
  #ordinal = 0;
  /** The collection of the key that is being made. */
  #collection: string | undefined;
  /** Is a key being made of which it is not known yet when it runs out? */
  #mayHaveExpired = false;

  constructor(options: LoadOptions, loaded: Loaded) {
    super();
    this.#options = options;
    this.#loaded = loaded;
    for (const lane of options.lanes) this.#lanes.set(lane, new LaneSink(lane, { ...options, memory: this.memory }));
  }

  protected route(key: KeyHead): { readonly sink: KeySink; readonly key: KeyHead } | undefined {
    const { databases, conflicts, now, laneOf } = this.#options;
    const database = databases.get(key.database);
    this.#collection = undefined;
    this.#mayHaveExpired = false;
    if (database === undefined) return undefined;
    const ordinal = this.#ordinal++;
    const isThere = conflicts?.has(ordinal) ?? false;
    if (isPast(key.expireAt, now) || conflicts?.hasExpired(ordinal)) {
      this.#loaded.expired++;
      return { sink: this.#loaded.leftOut, key };
    }
    if (isThere && conflicts?.onConflict === 'skip') {
      this.#loaded.skipped++;
      return { sink: this.#loaded.leftOut, key };
    }
    if (isThere) this.#loaded.replaced++;
    this.#loaded.keys++;
    this.#mayHaveExpired = key.expireAt === undefined;
    if (key.type !== 'hash' && key.type !== 'module') this.#collection = `db${key.database} ${expiringName(key.type)}`;
    const sink = this.#lanes.get(laneOf(key.key)) as LaneSink;
    sink.replaces = isThere;
    return { sink, key: { ...key, database } };
  }

  override endKey(expireAt: number | undefined): void {
    super.endKey(expireAt);
    if (this.#mayHaveExpired && isPast(expireAt, this.#options.now)) {
      // Commands made it, and its time, which they say last, has taken it away.
      this.#loaded.keys--;
      this.#loaded.expired++;
    }
    if (expireAt === undefined || this.#collection === undefined) return;
    const { expiries } = this.#loaded;
    const histogram = expiries.get(this.#collection) ?? new ExpiryHistogram();
    histogram.add(expireAt, expireAt);
    expiries.set(this.#collection, histogram);
  }

  override library(code: Uint8Array): void {
    this.#loaded.libraries.push(Buffer.from(code));
  }
}

const isPast = (expireAt: number | undefined, now: number): boolean => expireAt !== undefined && expireAt <= now;

/** Makes keys over one lane: by RESTORE where the server knows the value's form, and otherwise by the commands that fill it. */
class LaneSink extends RoutedSink {
  readonly memory: RdbMemory;
  replaces = false;

  readonly #lane: Lane;
  readonly #server: Server;
  #key: Uint8Array = Buffer.alloc(0);
  #expireAt: number | undefined;
  #isRestored = false;
  #version: number | undefined;

  constructor(lane: Lane, options: { readonly server: Server; readonly memory: RdbMemory }) {
    super();
    this.#lane = lane;
    this.#server = options.server;
    this.memory = options.memory;
  }

  protected route(key: KeyHead): { readonly sink: KeySink; readonly key: KeyHead } {
    return { sink: this.#lane.commands, key };
  }

  override beginKey(key: KeyHead): 'elements' | 'raw' {
    const lane = this.#lane;
    lane.select(key.database);
    this.#expireAt = key.expireAt;
    super.beginKey(key);
    this.#key = Uint8Array.from(key.key);
    this.#version = this.#versionFor(key);
    if (this.#version !== undefined || key.type === 'module') return 'raw';
    this.#removeOld();
    return 'elements';
  }

  override tooLarge(): void {
    this.#removeOld();
  }

  /** Only where commands add to what is there: RESTORE replaces it in one step, and leaves it where it refuses the new one. */
  #removeOld(): void {
    if (!this.replaces) return;
    this.#lane.writer.command('UNLINK', this.#key);
    this.#lane.otherCommands++;
  }

  override raw(value: RawValue): void {
    this.#restore(value);
  }

  override module(_name: string, value: RawValue): void {
    this.#restore(value);
  }

  override endKey(expireAt: number | undefined): void {
    // What RESTORE made has its time already.
    super.endKey(this.#isRestored ? undefined : expireAt);
    this.#isRestored = false;
  }

  /** The version that RESTORE is told, or undefined where the server would not take the value. */
  #versionFor({ rawType, rawVersion = 0 }: KeyHead): number | undefined {
    return rawType === undefined ? undefined : payloadVersion({ type: rawType, source: rawVersion }, this.#server);
  }

  #restore({ type, bytes }: RawValue): void {
    this.#isRestored = true;
    const { writer } = this.#lane;
    const version = Buffer.alloc(2);
    version.writeUInt16LE(this.#version ?? oldestVersion);
    const mark = Buffer.of(type);
    const sum = Buffer.alloc(8);
    sum.writeBigUInt64LE(this.memory.checksumOf(mark, bytes, version));
    writer.begin(4 + (this.#expireAt === undefined ? 0 : 1) + (this.replaces ? 1 : 0));
    writer.argument('RESTORE');
    writer.bytes(this.#key);
    writer.argument(this.#expireAt ?? 0);
    writer.pieces(mark, bytes, version, sum);
    if (this.replaces) writer.argument('REPLACE');
    if (this.#expireAt !== undefined) writer.argument('ABSTTL');
    this.#lane.otherCommands++;
  }
}
