import { addSums, type DigestSum, emptySum } from '../../digest/digest-sum.ts';
import { BlockDigest } from '../archive/row-digest.ts';
import { endsEarly, malformed } from './script-faults.ts';

/**
 * Reads large objects out of the statements by which a script writes them: `lo_open`, `lowrite` for every 16 KiB, `lo_close`. The digest is
 * that of the same objects in an archive: of the number in 4 bytes and then the content.
 */
export class LargeObjectStatements {
  readonly #digest = new BlockDigest();
  #sum: DigestSum | undefined;
  #isOpen = false;

  /** Whether the statement is one of theirs. Throws `corrupt` where pg_dump would not write it. */
  take(statement: Buffer, offset: number): boolean {
    const text = statement.toString('latin1', 0, 64);
    const [, number] = /^SELECT pg_catalog\.lo_open\('(\d{1,10})', \d+\)$/.exec(text) ?? [];
    const [write] = /^SELECT pg_catalog\.lowrite\(0, '\\x/.exec(text) ?? [];
    const isClose = text === 'SELECT pg_catalog.lo_close(0)';
    if (number === undefined && write === undefined && !isClose) return false;
    if (this.#isOpen === (number !== undefined))
      throw malformed(offset, 'one large object after another', 'another order');
    if (number !== undefined) this.#begin(Number(number));
    else if (write !== undefined) this.#digest.push(contentOf(statement, write.length, offset));
    else this.#end();
    return true;
  }

  /** The sum over all objects; undefined when there was none. Throws `dump-incomplete` when one was not closed. */
  end(): DigestSum | undefined {
    if (this.#isOpen) throw endsEarly(0, 'the end of a large object');
    return this.#sum;
  }

  #begin(number: number): void {
    this.#isOpen = true;
    this.#digest.begin('record');
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, number, true);
    this.#digest.push(bytes);
  }

  #end(): void {
    this.#isOpen = false;
    this.#digest.end();
    const sum = this.#digest.sum();
    // The number is part of the record, and none of the content.
    this.#sum = addSums(this.#sum ?? emptySum, { ...sum, bytes: sum.bytes - 4 });
  }
}

function contentOf(statement: Buffer, start: number, offset: number): Buffer {
  const hex = statement.toString('latin1', start, statement.length - 2);
  const bytes = Buffer.from(hex, 'hex');
  const isWhole = statement.toString('latin1', statement.length - 2) === "')" && bytes.length * 2 === hex.length;
  if (!isWhole) throw malformed(offset, 'the content of a large object in hexadecimal digits', 'something else');
  return bytes;
}
