import { setImmediate } from 'node:timers/promises';

/** Who sends can be made to wait. */
export type Source = { pause(): void; resume(): void };

/** So much may lie unread; what a socket has delivered already comes on top. */
const heldAtBytes = 1024 * 1024;
/**
 * A server's messages are of 32 KiB, and a socket cuts them in two. Each way from the queue to a block costs the same, whatever its size: handed on
 * one by one, the pieces of a gigabyte took as much time as its SHA-256.
 */
const slabBytes = 256 * 1024;
/** Parts of a few bytes have a slab each. */
const mostSlabs = 16;

type Slab = { readonly part: number; readonly bytes: Buffer; filled: number };

/**
 * Bytes of several parts that arrive one part after another, for a reader of each part. Whoever reads a part waits until those before it were
 * read; the source waits while much lies unread, so it never holds more than about a mebibyte.
 */
export class PartQueue {
  readonly #source: Source;
  readonly #slabs: Slab[] = [];
  readonly #spare: Buffer[] = [];
  #unreadBytes = 0;
  #part = -1;
  #isPaused = false;
  #end: 'open' | 'ended' | { readonly error: unknown } = 'open';
  #changed = Promise.withResolvers<void>();
  #isAwaited = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next part begins, and the one before it has ended. */
  begin(): void {
    this.#part += 1;
    this.#tell();
  }

  /** Takes a copy of `bytes`. */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const slab = this.#slabWithRoom();
      const taken = bytes.copy(slab.bytes, slab.filled, at);
      slab.filled += taken;
      at += taken;
    }
    this.#unreadBytes += bytes.length;
    if ((this.#unreadBytes > heldAtBytes || this.#slabs.length > mostSlabs) && !this.#isPaused) {
      this.#isPaused = true;
      this.#source.pause();
    }
    this.#tell();
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#end === 'open') this.#end = 'ended';
    this.#tell();
  }

  /** Every reader is told, whatever lies unread. */
  fail(error: unknown): void {
    if (this.#end === 'open') this.#end = { error };
    this.#tell();
  }

  /** How many parts have begun. */
  get begun(): number {
    return this.#part + 1;
  }

  /** The bytes of a part, from 0; each is the reader's until the next one: its memory is used again. */
  async *read(part: number): AsyncGenerator<Buffer, void> {
    let hasGivenTime = false;
    for (;;) {
      if (typeof this.#end === 'object') throw this.#end.error;
      const [slab] = this.#slabs;
      if (slab?.part === part) {
        // What the socket has at hand is there when its other callbacks were.
        if (this.#isFilling(slab) && !hasGivenTime) {
          hasGivenTime = true;
          await setImmediate();
          continue;
        }
        hasGivenTime = false;
        yield this.#take(slab);
        this.#spare.push(slab.bytes);
      } else if (this.#part > part || this.#end === 'ended') {
        if (slab === undefined || slab.part > part) return;
        await this.#change();
      } else await this.#change();
    }
  }

  #slabWithRoom(): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && this.#isFilling(last)) return last;
    const slab = { part: this.#part, bytes: this.#spare.pop() ?? newSlab(), filled: 0 };
    this.#slabs.push(slab);
    return slab;
  }

  #isFilling(slab: Slab): boolean {
    return slab.part === this.#part && slab.filled < slab.bytes.length && this.#end === 'open';
  }

  #take(slab: Slab): Buffer {
    this.#slabs.shift();
    this.#unreadBytes -= slab.filled;
    if (this.#isPaused && this.#unreadBytes <= heldAtBytes / 2 && this.#slabs.length <= mostSlabs / 2) {
      this.#isPaused = false;
      this.#source.resume();
    }
    if (this.#slabs[0]?.part !== slab.part) this.#tell();
    return slab.bytes.subarray(0, slab.filled);
  }

  async #change(): Promise<void> {
    this.#isAwaited = true;
    await this.#changed.promise;
  }

  #tell(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}

/** A part of something larger, so that no reader gives its memory back (`freeMemory`). */
const newSlab = (): Buffer => Buffer.allocUnsafeSlow(slabBytes + 1).subarray(0, slabBytes);
