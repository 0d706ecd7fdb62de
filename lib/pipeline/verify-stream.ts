import { HoldfastError } from '../core/errors.ts';
import { freeMemory } from './free-memory.ts';
import { type ReadStreamOptions, readStream, type StreamTotals } from './read-stream.ts';

export type VerifyStreamOptions<Inspected> = ReadStreamOptions & {
  /** What was written, as `writeStream` returned it or the manifest says. */
  readonly plainBytes: number;
  /** Not there when the engine sums its bytes itself; `inspect` is to hold them against those sums. */
  readonly plainSha256?: string | undefined;
  /** Looks at the plain bytes as they pass, e.g. the engine's check of its own format. It may stop reading early. */
  readonly inspect?: (bytes: AsyncIterable<Uint8Array>) => Promise<Inspected>;
};

/**
 * Reads a stream back from the store to its last byte and holds it against what was written: sizes, hashes of stored and
 * plain bytes, decryption, decompression. Resolves with the totals and what `inspect` found; rejects with what `readStream`
 * throws, with `corrupt` when the stream as a whole differs, or with what `inspect` rejects with.
 */
export async function verifyStream<Inspected = undefined>(
  options: VerifyStreamOptions<Inspected>,
): Promise<StreamTotals & { readonly inspected: Inspected | undefined }> {
  const stream = readStream(options);
  let totals: StreamTotals | undefined;
  let failure: { readonly error: unknown } | undefined;
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    try {
      const result = totals === undefined ? await stream.next() : { done: true as const, value: totals };
      if (!result.done) return result;
      totals = result.value;
      return { done: true, value: undefined };
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };
  try {
    // Without a `return`, so that an inspection that has seen enough does not end the reading.
    const inspected = await options.inspect?.({ [Symbol.asyncIterator]: () => ({ next }) });
    for (let result = await next(); !result.done; result = await next()) freeMemory(result.value);
    if (totals?.plainBytes !== options.plainBytes || totals.plainSha256 !== options.plainSha256)
      throw new HoldfastError('corrupt', `stream '${options.context.stream}' is not what was backed up`);
    return { ...totals, inspected };
  } catch (error) {
    // What the inspection says of bytes that could not be read is only a consequence.
    throw failure === undefined ? error : failure.error;
  } finally {
    await stream.return(undefined as never);
  }
}
