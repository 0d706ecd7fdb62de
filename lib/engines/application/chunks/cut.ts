import { hash } from 'node:crypto';

/** Chunks are at least so long, but the last of a file, and on the average four times that. */
export const smallestChunk = 256 * 1024;
const averageChunk = 1024 * 1024;
export const largestChunk = 4 * 1024 * 1024;

/** A number for each byte, as if by chance: the first four bytes of the SHA-256 of `holdfast gear` and the byte. */
const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  hash('sha256', Buffer.concat([Buffer.from('holdfast gear'), Buffer.from([byte])]), 'buffer').readInt32LE(0),
);

/** Before the average length a cut is four times less likely than it would be, after it four times more: lengths come nearer to it. */
const hardMask = 0xfffffc00 | 0;
const easyMask = 0xffffc000 | 0;

/**
 * Where the first chunk of `bytes` ends, by their content (FastCDC with normalised chunking): the same bytes are cut in the same places,
 * whatever comes before them. Give it `largestChunk` bytes, or all that are left.
 */
export function cutOf(bytes: Uint8Array): number {
  const { length } = bytes;
  if (length <= smallestChunk) return length;
  const end = Math.min(length, largestChunk);
  const average = Math.min(end, averageChunk);
  let sum = 0;
  let at = smallestChunk;
  for (; at < average; at++) {
    sum = ((sum << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((sum & hardMask) === 0) return at + 1;
  }
  for (; at < end; at++) {
    sum = ((sum << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((sum & easyMask) === 0) return at + 1;
  }
  return end;
}
