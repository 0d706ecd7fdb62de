import { createHash } from 'node:crypto';
import { type PartPlan, partSizeOf } from '../core/part-plan.ts';
import type { Upload } from '../store/store.ts';
import { abortable } from './abortable.ts';
import type { BufferPool } from './buffer-pool.ts';

/**
 * Collects an object's stored bytes into parts and uploads up to `partsInFlight` of them at once. `write` waits while all
 * are under way: that is the back-pressure on everything before it. A part that fails aborts `stop`.
 */
export class PartWriter {
  readonly #upload: Upload;
  readonly #plan: PartPlan;
  readonly #pool: BufferPool;
  readonly #partsInFlight: number;
  readonly #stop: AbortController;
  readonly #onStored: (bytes: number) => void;
  readonly #hash = createHash('sha256');
  readonly #underWay = new Set<Promise<void>>();
  #part: Buffer | undefined;
  #filled = 0;
  #parts = 0;
  #storedBytes = 0;

  constructor(options: {
    readonly upload: Upload;
    readonly plan: PartPlan;
    /** Of buffers as large as the plan's largest part. */
    readonly pool: BufferPool;
    readonly partsInFlight: number;
    readonly stop: AbortController;
    /** Called with the size of each part that the store has taken. */
    readonly onStored: (bytes: number) => void;
  }) {
    this.#upload = options.upload;
    this.#plan = options.plan;
    this.#pool = options.pool;
    this.#partsInFlight = options.partsInFlight;
    this.#stop = options.stop;
    this.#onStored = options.onStored;
  }

  /** Takes a copy of `chunk`. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      this.#part ??= this.#pool.take();
      const length = Math.min(chunk.length - offset, this.#size - this.#filled);
      this.#part.set(chunk.subarray(offset, offset + length), this.#filled);
      this.#filled += length;
      offset += length;
      if (this.#filled === this.#size) await this.#send();
    }
  }

  /** Uploads what is left and waits for all parts. The object is not visible yet. */
  async end(): Promise<{ readonly storedBytes: number; readonly storedSha256: string }> {
    if (this.#filled > 0) await this.#send();
    await abortable(Promise.all(this.#underWay), this.#stop.signal);
    return { storedBytes: this.#storedBytes, storedSha256: this.#hash.digest('hex') };
  }

  /** Resolves when no part is under way any more, whatever became of them. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Of the part being filled. */
  get #size(): number {
    return partSizeOf(this.#parts + 1, this.#plan);
  }

  async #send(): Promise<void> {
    while (this.#underWay.size >= this.#partsInFlight) await abortable(Promise.race(this.#underWay), this.#stop.signal);
    const buffer = this.#part ?? this.#pool.take();
    const body = buffer.subarray(0, this.#filled);
    this.#part = undefined;
    this.#filled = 0;
    this.#parts += 1;
    const sending = this.#upload.writePart(this.#parts, body).then(
      () => {
        this.#underWay.delete(sending);
        this.#pool.give(buffer);
        this.#onStored(body.length);
      },
      // The buffer is not given back: a request that failed may still be reading it.
      (error) => this.#stop.abort(error),
    );
    this.#underWay.add(sending);
    // Hashed once it is on its way, so that the store and the hash work side by side.
    this.#hash.update(body);
    this.#storedBytes += body.length;
  }
}
