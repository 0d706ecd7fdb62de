import type { Hash } from 'node:crypto';

const zeros = Buffer.alloc(1_048_576);

/** Takes so many zeros into a sum, which takes about a second for each gibibyte. */
export function hashZeros(sha256: Hash, length: number): void {
  for (let left = length; left > 0; left -= zeros.length)
    sha256.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
