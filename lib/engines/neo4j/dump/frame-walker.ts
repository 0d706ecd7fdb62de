import { HoldfastError } from '../../../core/errors.ts';

/**
 * Follows the structure of Zstandard frames (RFC 8878, 3.1) without decompressing them, and knows whether a frame has ended: Node's
 * decompressor takes input that stops within the checksum of the last frame for whole.
 */
export class FrameWalker {
  /** Bytes of a header that has not come whole. */
  #held = Buffer.alloc(0);
  /** Of a block, or a checksum: they need not be looked at. */
  #skip = 0;
  #next: 'frame' | 'block' = 'frame';
  #hasChecksum = false;

  /** Throws `corrupt` where no frame can be. */
  write(chunk: Uint8Array): void {
    let bytes =
      this.#held.length > 0
        ? Buffer.concat([this.#held, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      bytes = bytes.subarray(skipped);
      const taken = this.#skip > 0 ? 0 : this.#next === 'frame' ? this.#frame(bytes) : this.#block(bytes);
      if (taken === 0) break;
      bytes = bytes.subarray(taken);
    }
    this.#held = Buffer.from(bytes);
  }

  /** Did all that came end with a frame, and was there one? */
  get isComplete(): boolean {
    return this.#next === 'frame' && this.#skip === 0 && this.#held.length === 0;
  }

  /** How many bytes of a frame's header were taken: all or none. */
  #frame(bytes: Buffer): number {
    if (bytes.length < 8) return 0;
    const magic = bytes.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      this.#skip = bytes.readUInt32LE(4);
      return 8;
    }
    if (magic !== 0xfd2fb528) throw new HoldfastError('corrupt', 'the dump holds something that is no Zstandard frame');
    const descriptor = bytes[4] ?? 0;
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const length = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
    if (bytes.length < length) return 0;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#next = 'block';
    return length;
  }

  #block(bytes: Buffer): number {
    if (bytes.length < 3) return 0;
    const header = bytes.readUIntLE(0, 3);
    const isRun = ((header >> 1) & 3) === 1;
    const isLast = (header & 1) === 1;
    this.#skip = (isRun ? 1 : header >> 3) + (isLast && this.#hasChecksum ? 4 : 0);
    if (isLast) this.#next = 'frame';
    return 3;
  }
}
