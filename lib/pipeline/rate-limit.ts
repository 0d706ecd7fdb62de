import { setTimeout as delay } from 'node:timers/promises';

/** Time as this module needs it; tests give their own. */
export type RateClock = {
  /** Milliseconds since some moment, never going back. */
  readonly now: () => number;
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

const systemClock: RateClock = {
  now: () => performance.now(),
  wait: async (milliseconds, signal) => {
    await delay(milliseconds, undefined, { signal });
  },
};

/** Timers are no finer than this; shorter debts are carried on to the next chunk. */
const shortestWaitMilliseconds = 5;

/**
 * Waits after each stretch of bytes for as long as they should have taken. Time in which nothing came is not saved up, so a
 * source that stalled does not come back in a burst.
 */
export class RateLimit {
  readonly #bytesPerMillisecond: number;
  readonly #clock: RateClock;
  #dueAt = 0;

  /** 0 sets no limit. */
  constructor(bytesPerSecond: number, clock: RateClock = systemClock) {
    this.#bytesPerMillisecond = bytesPerSecond / 1000;
    this.#clock = clock;
  }

  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerMillisecond === 0) return;
    const now = this.#clock.now();
    this.#dueAt = Math.max(this.#dueAt, now) + bytes / this.#bytesPerMillisecond;
    if (this.#dueAt - now >= shortestWaitMilliseconds) await this.#clock.wait(this.#dueAt - now, signal);
  }
}
