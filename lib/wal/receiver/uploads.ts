import pRetry from 'p-retry';
import { HoldfastError } from '../../core/errors.ts';
import type { Lsn } from '../../engines/postgres/replication/lsn.ts';
import type { WalFile, WalWriter } from '../write-wal.ts';

/** A file on its way into the store. With it, WAL goes as far as `end`; a history goes nowhere. */
export type WalUpload = { readonly file: WalFile; readonly end: Lsn | undefined; readonly release?: () => void };

type Pending = { readonly end: Lsn | undefined; isDone: boolean };

/** Of so many uploads the slowest says how long the next one may take. */
const rememberedUploads = 10;

const retryWaits = { minTimeout: 500, maxTimeout: 30_000, factor: 2 } as const;

/**
 * Files on their way into the store, several side by side. What is durable goes forward in the order of the WAL, whichever upload ends
 * first. A store that is away is tried again for as long as `signal` lets it; anything else that it says ends the receiving.
 */
export class WalUploads {
  readonly #writer: WalWriter;
  readonly #signal: AbortSignal;
  readonly #onDurable: (lsn: Lsn) => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #onStored: (bytes: number) => void;
  readonly #onSettled: () => void;
  readonly #pending: Pending[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #lastMs: number[] = [];

  constructor(options: {
    readonly writer: WalWriter;
    readonly signal: AbortSignal;
    readonly onDurable: (lsn: Lsn) => void;
    readonly onFailure: (error: unknown) => void;
    /** A file went into the store that was not there, of so many bytes as they are stored. */
    readonly onStored: (bytes: number) => void;
    /** One has ended: there may be room again. */
    readonly onSettled: () => void;
  }) {
    this.#writer = options.writer;
    this.#signal = options.signal;
    this.#onDurable = options.onDurable;
    this.#onFailure = options.onFailure;
    this.#onStored = options.onStored;
    this.#onSettled = options.onSettled;
  }

  add({ file, end, release }: WalUpload): void {
    const pending: Pending = { end, isDone: false };
    this.#pending.push(pending);
    const beganAt = performance.now();
    const running = this.#upload(file)
      .then(() => {
        this.#lastMs.push(performance.now() - beganAt);
        if (this.#lastMs.length > rememberedUploads) this.#lastMs.shift();
        pending.isDone = true;
        this.#advance();
      }, this.#onFailure)
      .finally(() => {
        release?.();
        this.#running.delete(running);
        this.#onSettled();
      });
    this.#running.add(running);
  }

  get count(): number {
    return this.#running.size;
  }

  /** How long the slowest of the last ones took; 0 before the first. */
  get slowestMs(): number {
    return Math.max(0, ...this.#lastMs);
  }

  /** Resolves when none is under way any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #upload(file: WalFile): Promise<void> {
    const { outcome, storedBytes } = await pRetry(() => this.#writer.write(file), {
      ...retryWaits,
      retries: Number.POSITIVE_INFINITY,
      signal: this.#signal,
      shouldRetry: ({ error }) => error instanceof HoldfastError && error.retryable,
    });
    if (outcome === 'written') this.#onStored(storedBytes);
  }

  #advance(): void {
    let durable: Lsn | undefined;
    while (this.#pending[0]?.isDone) durable = this.#pending.shift()?.end ?? durable;
    if (durable !== undefined) this.#onDurable(durable);
  }
}
