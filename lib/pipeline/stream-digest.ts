import { createHash, type Hash } from 'node:crypto';

/**
 * SHA-256 of a stream as a whole and of each stretch of it. While there is but one stretch, which is nearly always, its bytes
 * are hashed once for both.
 */
export class StreamDigest {
  readonly #whole = createHash('sha256');
  #stretch: Hash | undefined;

  update(bytes: Uint8Array): void {
    this.#whole.update(bytes);
    this.#stretch?.update(bytes);
  }

  /** The digest of what came since the last call, in hex. */
  endStretch(): string {
    const digest = (this.#stretch ?? this.#whole.copy()).digest('hex');
    this.#stretch = createHash('sha256');
    return digest;
  }

  /** The digest of everything, in hex. Ends its use. */
  end(): string {
    return this.#whole.digest('hex');
  }
}
