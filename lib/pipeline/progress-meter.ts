/** How far something is. Bytes are plain bytes, or stored ones where a phase reads those; times are seconds. */
export type Progress = {
  readonly bytes: number;
  readonly expectedBytes: number;
  /** Over the last seconds, not since the beginning: what it does now. */
  readonly bytesPerSecond: number;
  readonly elapsedSeconds: number;
  /** Undefined while that cannot be said. */
  readonly remainingSeconds: number | undefined;
};

/** Over how long a time the rate is taken. */
const windowSeconds = 10;

/** A rate over less than this is noise: the first block may arrive with the first look at the clock. */
const leastSpanSeconds = 0.2;

/** An estimate from less than this is noise too: connecting takes its time, and an empty database of 8 MB is dumped as one kilobyte. */
const leastEstimateSeconds = 2;

/** Turns counts of bytes into rate and estimate. `expectedBytes` may be a guess: what goes beyond it has no estimate. */
export class ProgressMeter {
  readonly #expectedBytes: number;
  readonly #now: () => number;
  readonly #beganAt: number;
  /** What was known at some moments, the oldest first; at most one for each tenth of the window. */
  readonly #samples: { readonly at: number; readonly bytes: number }[];

  /** `now` is in seconds and never goes back. */
  constructor(options: { readonly expectedBytes: number; readonly now?: () => number }) {
    this.#expectedBytes = options.expectedBytes;
    this.#now = options.now ?? (() => performance.now() / 1000);
    this.#beganAt = this.#now();
    this.#samples = [{ at: this.#beganAt, bytes: 0 }];
  }

  /** Where things are, now that `bytes` have gone through in all. */
  update(bytes: number): Progress {
    const at = this.#now();
    const latest = this.#samples.at(-1);
    if (latest === undefined || at - latest.at >= windowSeconds / 10) this.#samples.push({ at, bytes });
    // One sample from before the window stays, so that the rate spans the whole of it.
    while ((this.#samples[1]?.at ?? at) <= at - windowSeconds) this.#samples.shift();
    const oldest = this.#samples[0] ?? { at: this.#beganAt, bytes: 0 };
    const span = at - oldest.at;
    const bytesPerSecond = span >= leastSpanSeconds ? (bytes - oldest.bytes) / span : 0;
    const left = this.#expectedBytes - bytes;
    return {
      bytes,
      expectedBytes: this.#expectedBytes,
      bytesPerSecond,
      elapsedSeconds: at - this.#beganAt,
      remainingSeconds:
        span >= leastEstimateSeconds && bytesPerSecond > 0 && left >= 0 ? left / bytesPerSecond : undefined,
    };
  }
}
