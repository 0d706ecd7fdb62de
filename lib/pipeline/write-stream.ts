import { HoldfastError } from '../core/errors.ts';
import type { StoredObject } from '../core/manifest.ts';
import { largestPartOf } from '../core/part-plan.ts';
import type { Compression } from '../core/vocabulary.ts';
import type { Store, Upload } from '../store/store.ts';
import { blocksOf } from './blocks.ts';
import { BufferPool } from './buffer-pool.ts';
import { BlockCompressor } from './compress.ts';
import { ContentSum } from './content-sum.ts';
import { encryptObject } from './encryption.ts';
import { FrameProof } from './frame-proof.ts';
import { freeMemory } from './free-memory.ts';
import { mapInOrder } from './map-in-order.ts';
import type { StreamContext } from './object-context.ts';
import { PartWriter } from './part-writer.ts';
import { RateLimit } from './rate-limit.ts';
import { encodeSeekTable, type FrameSizes } from './seek-table.ts';
import { largestObjectBytes, type PipelineSettings, partPlanOf } from './settings.ts';
import { stopWith } from './stop-with.ts';
import { StreamDigest } from './stream-digest.ts';

export type WriteStreamOptions = {
  readonly store: Store;
  /** The key of the stream's `index`th object, from 0. */
  readonly keyOf: (index: number) => string;
  readonly source: AsyncIterable<Uint8Array>;
  readonly settings: PipelineSettings;
  /** Shared by streams that are read from one source at once. @default - a limit of the stream's own, as the settings say */
  readonly rate?: RateLimit;
  /** The backup's data key, 32 bytes; null when the algorithm is `none`. */
  readonly dataKey: Buffer | null;
  readonly context: StreamContext;
  /** Takes no SHA-256 of the plain bytes: whoever gives them sums them itself. @default false */
  readonly isSummed?: boolean;
  /** Decompresses each block again before it is given up, and holds it against what was read. @default true */
  readonly isProved?: boolean;
  /** Tags of every object. @default - none */
  readonly tags?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** What has gone through so far: plain bytes read from the source, stored bytes that the store has taken. */
  readonly onProgress?: (progress: StreamProgress) => void;
  /** Told once at the end; tests hold it against the formula of `explainPipeline`. */
  readonly onPeak?: (peak: { readonly blocks: number; readonly parts: number }) => void;
};

export type StreamProgress = { readonly plainBytes: number; readonly storedBytes: number };

export type WrittenStream = {
  readonly objects: readonly StoredObject[];
  readonly plainBytes: number;
  /** Not there when the source sums its bytes itself. */
  readonly plainSha256?: string;
  readonly storedBytes: number;
  readonly content: WrittenContent;
};

/** What was encrypted, after compression. `readBackStream` holds what comes back against it. */
export type WrittenContent = {
  /** Of each object, in order. */
  readonly objectBytes: readonly number[];
  /** Of all objects, one after another. */
  readonly crc32: number;
};

/**
 * Writes a stream of any length as one object or several: compressed in parallel, encrypted, uploaded in parts, with the
 * source read no faster than the store takes it. An empty stream gives one object, too.
 *
 * Invariant: when it rejects, nothing half-written is visible, whole objects before it are discarded (see `Store.discard`), and the
 * source has been told to end. After a crash objects may stay behind; no manifest names them. It rejects with what failed first, be that the source, the
 * compression, the store or `signal`; it is not retried.
 */
export async function writeStream(options: WriteStreamOptions): Promise<WrittenStream> {
  const stop = new AbortController();
  const unlink = stopWith(stop, options.signal);
  const writer = new StreamWriter(options, stop);
  try {
    return await writer.run();
  } catch (error) {
    // Whoever failed first has set the reason already, and what surfaces here may be only its consequence.
    stop.abort(error);
    await writer.undo();
    throw stop.signal.reason;
  } finally {
    writer.end();
    unlink();
  }
}

/** `number`: of its block in the stream, from 0. */
type Frame = { readonly number: number; readonly bytes: Buffer; readonly plainBytes: number };

class StreamWriter {
  readonly #options: WriteStreamOptions;
  readonly #stop: AbortController;
  readonly #blocks: BufferPool;
  readonly #parts: BufferPool;
  readonly #frames: AsyncGenerator<Frame, undefined>;
  readonly #compressor: BlockCompressor;
  readonly #blocksPerObject: number;
  readonly #proof: FrameProof | undefined;
  readonly #digest: StreamDigest | undefined;
  /** Digests of the objects' plain bytes, in order; an object's is there before its last frame is. */
  readonly #objectDigests: string[] = [];
  readonly #written: StoredObject[] = [];
  readonly #contentBytes: number[] = [];
  readonly #contentSum = new ContentSum();
  #current: { readonly upload: Upload; readonly parts: PartWriter } | undefined;
  #blocksRead = 0;
  #plainBytes = 0;
  #storedBytes = 0;

  constructor(options: WriteStreamOptions, stop: AbortController) {
    const { settings } = options;
    this.#options = options;
    this.#stop = stop;
    this.#blocks = new BufferPool(settings.blockBytes);
    this.#parts = new BufferPool(largestPartOf(partPlanOf(settings), largestObjectBytes(settings)));
    this.#compressor = new BlockCompressor(settings.compression, settings.level);
    const { compression } = settings;
    // Uncompressed, a block is its own frame.
    this.#proof = (options.isProved ?? true) && compression !== 'none' ? new FrameProof(compression) : undefined;
    this.#digest = options.isSummed ? undefined : new StreamDigest();
    this.#blocksPerObject = settings.objectBytes / settings.blockBytes;
    this.#frames = mapInOrder({
      items: blocksOf({
        source: options.source,
        pool: this.#blocks,
        rate: options.rate ?? new RateLimit(settings.rateLimitBytesPerSecond),
        signal: stop.signal,
      }),
      limit: settings.blocksInFlight,
      map: (block) => this.#compress(block),
      stop,
    });
  }

  async run(): Promise<WrittenStream> {
    let next = await this.#frames.next();
    for (let index = 0; index === 0 || !next.done; index++) {
      const object = await this.#begin(index);
      next = await this.#writeObject(index, object, next);
    }
    this.#options.onPeak?.({ blocks: this.#blocks.peak, parts: this.#parts.peak });
    const writtenBytes = this.#written.reduce((sum, object) => sum + object.plainBytes, 0);
    if (writtenBytes !== this.#plainBytes)
      throw new HoldfastError('internal', `${this.#plainBytes} bytes were read, and ${writtenBytes} written`);
    return {
      objects: this.#written,
      plainBytes: this.#plainBytes,
      ...(this.#digest && { plainSha256: this.#digest.end() }),
      storedBytes: this.#written.reduce((sum, object) => sum + object.storedBytes, 0),
      content: { objectBytes: this.#contentBytes, crc32: this.#contentSum.value },
    };
  }

  /** Ends the source, then takes back what was uploaded. Never rejects: the first failure is what matters. */
  async undo(): Promise<void> {
    await this.#frames.return(undefined).catch(() => undefined);
    await this.#current?.parts.settle();
    await this.#current?.upload.abort().catch(() => undefined);
    for (const { key } of this.#written) await this.#options.store.discard(key).catch(() => undefined);
  }

  /** Gives memory back. */
  end(): void {
    this.#compressor.end();
  }

  async #begin(index: number): Promise<{ readonly upload: Upload; readonly parts: PartWriter }> {
    const { settings, store, tags } = this.#options;
    const upload = await store.beginUpload(this.#options.keyOf(index), {
      condition: 'absent',
      parts: partPlanOf(settings),
      contentType: 'application/octet-stream',
      ...(tags === undefined ? {} : { tags }),
      signal: this.#stop.signal,
    });
    const parts = new PartWriter({
      upload,
      plan: partPlanOf(settings),
      pool: this.#parts,
      partsInFlight: settings.partsInFlight,
      stop: this.#stop,
      onStored: (bytes) => {
        this.#storedBytes += bytes;
        this.#report();
      },
    });
    this.#current = { upload, parts };
    return this.#current;
  }

  /** Writes one object, beginning with the frame `first`; returns the first frame of the next one. */
  async #writeObject(
    index: number,
    { upload, parts }: { readonly upload: Upload; readonly parts: PartWriter },
    first: IteratorResult<Frame, undefined>,
  ): Promise<IteratorResult<Frame, undefined>> {
    const { settings, dataKey, context } = this.#options;
    const content = new ObjectContent(this.#frames, first, {
      begin: index * this.#blocksPerObject,
      count: this.#blocksPerObject,
    });
    const frames = content.bytes(settings.compression, { compressor: this.#compressor, proof: this.#proof });
    const stored = encryptObject(this.#counted(frames), settings.algorithm, dataKey, {
      ...context,
      index,
    });
    for await (const chunk of stored) {
      await parts.write(chunk);
      freeMemory(chunk);
    }
    const { storedBytes, storedSha256 } = await parts.end();
    this.#stop.signal.throwIfAborted();
    await upload.complete();
    this.#current = undefined;
    const plainSha256 = this.#objectDigests[index] ?? this.#digest?.endStretch();
    this.#written.push({
      key: upload.key,
      storedBytes,
      storedSha256,
      plainBytes: content.plainBytes,
      ...(plainSha256 !== undefined && { plainSha256 }),
    });
    return content.following;
  }

  /** The content of the next object on its way to the encryption. */
  async *#counted(content: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      this.#contentSum.update(chunk);
      yield chunk;
    }
    this.#contentBytes.push(bytes);
  }

  async #compress(block: Buffer): Promise<Frame> {
    const number = this.#blocksRead;
    const compressing = this.#compressor.compress(block);
    // Hashed while the thread pool is at work on the same bytes.
    this.#digest?.update(block);
    this.#plainBytes += block.length;
    this.#blocksRead += 1;
    if (this.#digest && this.#blocksRead % this.#blocksPerObject === 0)
      this.#objectDigests.push(this.#digest.endStretch());
    this.#report();
    const bytes = await compressing;
    await this.#proof?.require(bytes, block);
    // Uncompressed, the block itself goes on its way and may be held by the cipher: then it is not used again.
    if (this.#options.settings.compression === 'none') this.#blocks.lose();
    else this.#blocks.give(block);
    return { number, bytes, plainBytes: block.length };
  }

  #report(): void {
    this.#options.onProgress?.({ plainBytes: this.#plainBytes, storedBytes: this.#storedBytes });
  }
}

/** The compressed bytes of one object: as many of the stream's frames as belong into it. */
class ObjectContent {
  readonly #frames: AsyncGenerator<Frame, undefined>;
  /** The number of its first block, and how many it holds at most. */
  readonly #blocks: { readonly begin: number; readonly count: number };
  #next: IteratorResult<Frame, undefined>;
  plainBytes = 0;

  constructor(
    frames: AsyncGenerator<Frame, undefined>,
    first: IteratorResult<Frame, undefined>,
    blocks: { readonly begin: number; readonly count: number },
  ) {
    this.#frames = frames;
    this.#next = first;
    this.#blocks = blocks;
  }

  async *bytes(
    compression: Compression,
    { compressor, proof }: { readonly compressor: BlockCompressor; readonly proof: FrameProof | undefined },
  ): AsyncGenerator<Buffer> {
    const sizes: FrameSizes[] = [];
    const nothing = Buffer.alloc(0);
    // An empty stream still is a frame, so that stock tools accept the object.
    if (this.#next.done) {
      const bytes = await compressor.compress(nothing);
      await proof?.require(bytes, nothing);
      sizes.push({ compressedBytes: bytes.length, plainBytes: 0 });
      if (bytes.length > 0) yield bytes;
    }
    while (!this.#next.done && sizes.length < this.#blocks.count) {
      const { number, bytes, plainBytes } = this.#next.value;
      // Each frame was proved by itself; this is what shows that they stand as their blocks did.
      if (number !== this.#blocks.begin + sizes.length)
        throw new HoldfastError('internal', `block ${number} of the stream came out of its turn`);
      this.plainBytes += plainBytes;
      sizes.push({ compressedBytes: bytes.length, plainBytes });
      yield bytes;
      this.#next = await this.#frames.next();
    }
    if (compression !== 'zstd') return;
    const table = encodeSeekTable(sizes);
    await proof?.require(table, nothing);
    yield table;
  }

  /** The first frame that did not belong into it any more. */
  get following(): IteratorResult<Frame, undefined> {
    return this.#next;
  }
}
