import { createHash } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { StoredObject } from '../core/manifest.ts';
import type { Compression, EncryptionAlgorithm } from '../core/vocabulary.ts';
import type { Store } from '../store/store.ts';
import { decompressContent } from './decompress.ts';
import { DecryptionFailure } from './decryption-failure.ts';
import { decryptObject } from './encryption.ts';
import { type FetchedRange, fetchRanges } from './fetch-ranges.ts';
import type { StreamContext } from './object-context.ts';
import { defaultPipelineSettings, type PipelineSettings } from './settings.ts';
import { stopWith } from './stop-with.ts';
import { StreamDigest } from './stream-digest.ts';
import { MalformedContent } from './zstd-frames.ts';

export type ReadStreamOptions = {
  readonly store: Store;
  /** As the manifest lists them. */
  readonly objects: readonly StoredObject[];
  /** Where in its stream the first of them stands, when only some are read. @default 0 */
  readonly firstObject?: number;
  readonly compression: Compression;
  readonly algorithm: EncryptionAlgorithm;
  /** The backup's data key, 32 bytes; null when the algorithm is `none`. */
  readonly dataKey: Buffer | null;
  readonly context: StreamContext;
  readonly signal?: AbortSignal;
  readonly settings?: Pick<PipelineSettings, 'rangeBytes' | 'rangesInFlight' | 'blocksInFlight'>;
  /** What has gone through so far: stored bytes read, plain bytes given out. */
  readonly onProgress?: (progress: { readonly plainBytes: number; readonly storedBytes: number }) => void;
};

/** What is known of a stream when it has been read to its end. */
export type StreamTotals = {
  readonly plainBytes: number;
  /** Not there when the objects have none. */
  readonly plainSha256: string | undefined;
  readonly storedBytes: number;
};

/**
 * The plain bytes of a stream, in order, and its totals at the end. Sizes and hashes of every object are checked as they
 * pass, so the bytes are proved right only when the iteration ends normally; no byte is given out that its encryption has
 * not authenticated.
 *
 * Throws `object-missing`; `corrupt` when an object is not what was written (cut short, altered, swapped); `key-wrong` when
 * it is what was written but the key does not open it. The message names the object.
 */
export async function* readStream(options: ReadStreamOptions): AsyncGenerator<Buffer, StreamTotals> {
  const stop = new AbortController();
  const unlink = stopWith(stop, options.signal);
  const reader = new StreamReader(options, stop);
  try {
    for (const [index, object] of options.objects.entries())
      yield* reader.readObject((options.firstObject ?? 0) + index, object);
    return reader.totals();
  } catch (error) {
    stop.abort(error);
    throw await reader.explain(stop.signal.reason);
  } finally {
    stop.abort(new Error('the consumer left'));
    await reader.end();
    unlink();
  }
}

type ReadSettings = Pick<PipelineSettings, 'rangeBytes' | 'rangesInFlight' | 'blocksInFlight'>;

class StreamReader {
  readonly #options: ReadStreamOptions;
  readonly #settings: ReadSettings;
  readonly #stop: AbortController;
  readonly #ranges: AsyncGenerator<FetchedRange, undefined>;
  readonly #digest: StreamDigest | undefined;
  #current: StoredObject | undefined;
  #plainBytes = 0;
  #storedBytes = 0;

  constructor(options: ReadStreamOptions, stop: AbortController) {
    this.#options = options;
    this.#settings = options.settings ?? defaultPipelineSettings;
    this.#stop = stop;
    this.#ranges = this.#fetch(options.objects, stop);
    this.#digest = options.objects.some(({ plainSha256 }) => plainSha256 !== undefined)
      ? new StreamDigest()
      : undefined;
  }

  async *readObject(index: number, object: StoredObject): AsyncGenerator<Buffer> {
    const { algorithm, dataKey, context, compression } = this.#options;
    this.#current = object;
    const beganAt = this.#plainBytes;
    // AES-CBC reads an object twice; its first pass is fetched apart from the ranges that all objects share.
    const passes = algorithm === 'aes-256-cbc' ? [this.#extraPass(object)] : [];
    const stored = this.#stored(object);
    const content = decryptObject(() => passes.shift() ?? stored, algorithm, dataKey, { ...context, index });
    const plain = decompressContent(content, compression, {
      framesInFlight: this.#settings.blocksInFlight,
      stop: this.#stop,
    });
    for await (const chunk of plain) {
      this.#digest?.update(chunk);
      this.#plainBytes += chunk.length;
      this.#options.onProgress?.({ plainBytes: this.#plainBytes, storedBytes: this.#storedBytes });
      yield chunk;
    }
    if (!(await stored.next()).done)
      throw new HoldfastError('corrupt', `object '${object.key}' goes on after the end of its content`);
    const hasSize = this.#plainBytes - beganAt === object.plainBytes;
    if (this.#digest?.endStretch() !== object.plainSha256 || !hasSize)
      throw new HoldfastError('corrupt', `the content of object '${object.key}' is not what was backed up`);
  }

  totals(): StreamTotals {
    return { plainBytes: this.#plainBytes, plainSha256: this.#digest?.end(), storedBytes: this.#storedBytes };
  }

  async end(): Promise<void> {
    await this.#ranges.return(undefined).catch(() => undefined);
  }

  /** What to tell of `failure`. Only whoever has read the whole object knows whether it or the key is the wrong one. */
  async explain(failure: unknown): Promise<unknown> {
    const object = this.#current;
    if (object === undefined) return failure;
    const corrupt = (what: string) =>
      new HoldfastError('corrupt', `object '${object.key}' ${what}`, { cause: failure });
    if (failure instanceof MalformedContent) return corrupt(`is damaged: ${failure.message}`);
    if (!(failure instanceof DecryptionFailure)) return failure;
    switch (failure.reason) {
      case 'bytes':
        return corrupt('is damaged: it does not decrypt');
      case 'context':
        return corrupt('is another object under this name');
      case 'key':
        break;
    }
    const hash = createHash('sha256');
    try {
      for await (const bytes of this.#extraPass(object)) hash.update(bytes);
    } catch (error) {
      return error;
    }
    if (hash.digest('hex') !== object.storedSha256) return corrupt('is damaged: its SHA-256 differs');
    return new HoldfastError('key-wrong', `object '${object.key}' was not encrypted with this data key`, {
      cause: failure,
    });
  }

  async *#stored(object: StoredObject): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    let left = object.storedBytes;
    do {
      const { value, done } = await this.#ranges.next();
      if (done) break;
      left -= value.bytes.length;
      hash.update(value.bytes);
      this.#storedBytes += value.bytes.length;
      yield value.bytes;
    } while (left > 0);
    if (left === 0 && hash.digest('hex') === object.storedSha256) return;
    const error = new HoldfastError('corrupt', `object '${object.key}' is damaged: its SHA-256 differs`);
    this.#stop.abort(error);
    throw error;
  }

  async *#extraPass(object: StoredObject): AsyncGenerator<Buffer> {
    const stop = new AbortController();
    const unlink = stopWith(stop, this.#options.signal);
    try {
      for await (const { bytes } of this.#fetch([object], stop)) yield bytes;
    } finally {
      unlink();
    }
  }

  #fetch(objects: readonly StoredObject[], stop: AbortController): AsyncGenerator<FetchedRange, undefined> {
    const { rangeBytes, rangesInFlight } = this.#settings;
    return fetchRanges({ store: this.#options.store, objects, rangeBytes, rangesInFlight, stop });
  }
}
