import { AbortableWaiter } from './abortable.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { RateLimit } from './rate-limit.ts';

/**
 * The bytes of `source`, cut into blocks of the pool's size; the last may be shorter, and an empty source gives none. Each
 * block belongs to whoever takes it.
 *
 * When `signal` fires it rejects with its reason at once, even while the source owes an answer; the source is then told
 * to end, but not waited for.
 */
export async function* blocksOf(options: {
  readonly source: AsyncIterable<Uint8Array>;
  readonly pool: BufferPool;
  readonly rate: RateLimit;
  readonly signal: AbortSignal;
}): AsyncGenerator<Buffer> {
  const { source, pool, rate, signal } = options;
  const iterator = source[Symbol.asyncIterator]();
  const waiter = new AbortableWaiter(signal);
  let block: Buffer | undefined;
  let filled = 0;
  let isWaiting = false;
  let isEnded = false;
  try {
    for (;;) {
      isWaiting = true;
      const { value: chunk, done } = await waiter.wait(iterator.next());
      isWaiting = false;
      if (done) break;
      for (let offset = 0; offset < chunk.length; ) {
        block ??= pool.take();
        const length = Math.min(chunk.length - offset, block.length - filled);
        block.set(chunk.subarray(offset, offset + length), filled);
        filled += length;
        offset += length;
        if (filled === block.length) {
          const full = block;
          block = undefined;
          filled = 0;
          yield full;
          signal.throwIfAborted();
        }
      }
      await rate.passed(chunk.length, signal);
    }
    isEnded = true;
    if (block !== undefined) yield block.subarray(0, filled);
  } finally {
    waiter.end();
    if (!isEnded) {
      const ending = Promise.resolve(iterator.return?.()).catch(() => undefined);
      if (!isWaiting) await ending;
    }
  }
}
