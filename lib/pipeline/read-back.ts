import { HoldfastError } from '../core/errors.ts';
import { ContentSum } from './content-sum.ts';
import { freeMemory } from './free-memory.ts';
import { type ReadStreamOptions, readStream } from './read-stream.ts';
import type { WrittenStream } from './write-stream.ts';

export type ReadBackOptions = Omit<ReadStreamOptions, 'objects' | 'firstObject' | 'compression'> & {
  /** As `writeStream` returned it. */
  readonly written: WrittenStream;
};

/**
 * Reads what was just written back from the store to its last byte: sizes and SHA-256 of what is stored, its decryption, and that the very
 * frames come out that went in. Each of those was decompressed and held against its block before (`FrameProof`), so that is not done again.
 *
 * Rejects as `readStream` does, and with `corrupt` when other frames come back.
 */
export async function readBackStream({ written, ...options }: ReadBackOptions): Promise<void> {
  const { objectBytes } = written.content;
  const objects = written.objects.map(({ key, storedBytes, storedSha256 }, index) => ({
    ...{ key, storedBytes, storedSha256 },
    // Read without decompression, the frames are what is plain.
    plainBytes: objectBytes[index] ?? 0,
  }));
  const sum = new ContentSum();
  for await (const chunk of readStream({ ...options, objects, compression: 'none' })) {
    sum.update(chunk);
    freeMemory(chunk);
  }
  if (sum.value !== written.content.crc32)
    throw new HoldfastError(
      'corrupt',
      `what the store gave back of '${options.context.stream}' is not what was written`,
    );
}
