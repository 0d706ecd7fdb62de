/**
 * Buffers of one size that are used again and again, so that a long stream leaves no garbage of megabytes behind. It sets
 * no bound itself: its users hold no more at a time than their own limits allow. `peak` is how many that was.
 */
export class BufferPool {
  readonly sizeBytes: number;
  #free: Buffer[] = [];
  #taken = 0;
  #peak = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  take(): Buffer {
    this.#taken += 1;
    this.#peak = Math.max(this.#peak, this.#taken);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.sizeBytes);
  }

  /** Takes `buffer` back: nobody may look at it any more. One that was cut shorter is left to the garbage collector. */
  give(buffer: Buffer): void {
    this.#taken -= 1;
    if (buffer.length === this.sizeBytes) this.#free.push(buffer);
  }

  /** One buffer will not come back: somebody else may hold it for longer. */
  lose(): void {
    this.#taken -= 1;
  }

  get peak(): number {
    return this.#peak;
  }
}
