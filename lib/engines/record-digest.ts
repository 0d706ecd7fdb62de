import { addSums, BlockDigest, type DigestSum, digestText, emptySum } from './postgres/archive/row-digest.ts';

/** Records counted and summed, in any order. */
export type RecordSum = DigestSum;

export { addSums, digestText, emptySum };

/** Takes in records that are texts, one by one. See docs/formats.md, content digest. */
export class RecordDigest {
  readonly #block = new BlockDigest();
  #buffer = Buffer.alloc(64 * 1024);

  /** What the one record comes to: both hashes of its UTF-8 bytes, and how many those are. */
  sumOf(record: string): RecordSum {
    // No character of UTF-16 takes more than three bytes of UTF-8.
    if (record.length * 3 > this.#buffer.length) this.#buffer = Buffer.alloc(record.length * 3);
    const length = this.#buffer.write(record, 0, 'utf8');
    this.#block.begin('record');
    this.#block.push(this.#buffer.subarray(0, length));
    this.#block.end();
    const { rows, lanes } = this.#block.sum();
    return { rows, bytes: length, lanes };
  }
}
