/**
 * What `promise` gives, or a rejection with the signal's reason as soon as that fires. The promise itself goes on; a later
 * rejection of it is of no interest to anyone and is swallowed.
 *
 * Not `Promise.race`: that would leave a reaction on the signal's promise for every chunk of a stream.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const waiter = new AbortableWaiter(signal);
  return waiter.wait(promise).finally(() => waiter.end());
}

/** Waits for one promise after another as `abortable` does, and listens to the signal but once for all of them. */
export class AbortableWaiter {
  readonly #signal: AbortSignal;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      if (this.#signal.aborted) this.#onAbort();
      promise.then(resolve, reject);
    });
  }

  end(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#reject?.(this.#signal.reason);
}
