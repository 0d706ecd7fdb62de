import type { Slice } from '../archive/row-slices.ts';

export type Load = { readonly dumpId: number; readonly slice: Slice };

/**
 * Slices on their way from one reader to several lanes, a bounded number of them. A slice that is not whole binds what follows to the lane
 * that took it, until its row has ended.
 */
export class SliceQueue {
  readonly #limit: number;
  readonly #loads: Load[] = [];
  #waiting: (() => void)[] = [];
  #owner: object | undefined;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when there was room for it. Rejects with the reason of `fail`. */
  async put(load: Load): Promise<void> {
    while (this.#loads.length >= this.#limit && !this.#failure) await this.#change();
    if (this.#failure) throw this.#failure.error;
    this.#loads.push(load);
    this.#changed();
  }

  /** The next slice for that lane, or undefined when there will be none. Rejects with the reason of `fail`. */
  async take(lane: object): Promise<Load | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      const isMine = this.#owner === undefined || this.#owner === lane;
      const load = isMine ? this.#loads.shift() : undefined;
      if (load) {
        this.#owner = load.slice.isWhole ? undefined : lane;
        this.#changed();
        return load;
      }
      if (this.#hasEnded && this.#loads.length === 0) return undefined;
      await this.#change();
    }
  }

  /** Says that no slice will follow. */
  end(): void {
    this.#hasEnded = true;
    this.#changed();
  }

  /** Everybody who waits, or comes, gets the first such error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
