import { addAbortSignal, type Readable } from 'node:stream';
import { HoldfastError } from '../core/errors.ts';
import { pause } from './cancellation.ts';

/** How often in a row reading may fail without one new byte. */
const maxFailures = 6;

export type ResumingBody = {
  /** The first answer's body, from `start` on. */
  readonly first: Readable;
  /** Opens the same object again, from `position` to `end`. */
  readonly reopen: (position: number) => Promise<Readable>;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly stallSeconds: number;
  readonly toError: (error: unknown) => HoldfastError;
  readonly signal: AbortSignal | undefined;
};

/**
 * Exactly the bytes from `start` to `end`, over as many connections as it takes: one that breaks, ends early, or gives no
 * byte for `stallSeconds` while the caller waits is replaced by another that goes on where it stopped. The SDK retries
 * only until the first byte.
 */
export async function* resumingBody(options: ResumingBody): AsyncIterable<Uint8Array> {
  const { end, toError, signal } = options;
  let position = options.start;
  let failures = 0;
  let stream: Readable | undefined = options.first;
  try {
    while (position < end) {
      try {
        stream ??= await options.reopen(position);
        if (signal !== undefined) addAbortSignal(signal, stream);
        for await (const chunk of withoutStalls(stream, options.stallSeconds)) {
          const wanted = chunk.subarray(0, end - position);
          position += wanted.length;
          failures = 0;
          yield wanted;
          if (position === end) return;
        }
        throw new HoldfastError('store-unavailable', `the body ended ${end - position} bytes early`);
      } catch (error) {
        stream?.destroy();
        stream = undefined;
        const mapped = toError(error);
        failures += 1;
        if (signal?.aborted || !mapped.retryable || failures > maxFailures) throw mapped;
        await pause(50 * 2 ** failures, signal);
      }
    }
  } finally {
    stream?.destroy();
  }
}

/** The stream's chunks. The clock runs only while a chunk is awaited: a slow caller is no stall. */
async function* withoutStalls(stream: Readable, stallSeconds: number): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  for (;;) {
    const timer = setTimeout(() => {
      stream.destroy(new HoldfastError('store-unavailable', `no byte came for ${stallSeconds} s`));
    }, stallSeconds * 1000);
    try {
      const next = await iterator.next();
      if (next.done) return;
      clearTimeout(timer);
      yield next.value;
    } finally {
      clearTimeout(timer);
    }
  }
}
