import { createZstdCompress, constants as zlib } from 'node:zlib';

/**
 * Makes zstd frames (with content size and checksum), one after another, on the thread pool, in one and the same context of zstd's.
 *
 * A one-shot call has a context for itself: that took two fifths of the compression's CPU time, and left megabytes behind with every block, of
 * which V8 knows nothing when it decides whether to collect its garbage. zstd's `ZSTD_e_end` as flush at every write makes each a frame
 * of its own, whose size is known when it begins (https://facebook.github.io/zstd/zstd_manual.html, ZSTD_compressStream2).
 */
export class FrameMaker {
  readonly #stream: ReturnType<typeof createZstdCompress>;
  #pieces: Buffer[] = [];
  #reject: (error: unknown) => void = () => {};

  /** `chunkBytes`: what is allocated for frames at a time; several share it, and one that goes over its end is put together. */
  constructor(level: number, chunkBytes: number) {
    this.#stream = createZstdCompress({
      flush: zlib.ZSTD_e_end,
      chunkSize: chunkBytes,
      params: { [zlib.ZSTD_c_compressionLevel]: level, [zlib.ZSTD_c_checksumFlag]: 1 },
    });
    this.#stream.on('data', (piece: Buffer) => this.#pieces.push(piece));
    // A write under way hears nothing of an error of zstd's own, or of the stream's end.
    this.#stream.on('error', (error) => this.#reject(error));
    this.#stream.on('close', () => this.#reject(new Error('the compression was ended')));
  }

  /** To be asked for the next frame when the last one is there. */
  make(block: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#stream.write(block, (error) => {
        const pieces = this.#pieces;
        this.#pieces = [];
        const [only, ...others] = pieces;
        if (error) reject(error);
        else if (only === undefined) reject(new Error('a block was compressed to nothing'));
        else resolve(others.length === 0 ? only : Buffer.concat(pieces));
      });
    });
  }

  /** Gives the context's memory back. */
  end(): void {
    this.#stream.destroy();
  }
}
