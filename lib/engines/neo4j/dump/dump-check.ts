import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { HoldfastError } from '../../../core/errors.ts';
import type { Content, ContentWords } from '../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../digest/digest-sum.ts';
import { RecordDigest } from '../../digest/record-digest.ts';

import { FrameWalker } from './frame-walker.ts';

/** The bytes of `neo4j-admin database dump`. */
export const dumpFormat = 'neo4j-dump';
export const dumpMagic = 'DZV1';

const files: ContentWords = { collection: 'archive', item: 'file' };

/** `zstd`, the version of what follows, and how many files and bytes the archive holds. */
const headBytes = 4 + 4 + 8 + 8;

/**
 * Proves a dump whole as its bytes pass: they begin as a dump does, decompress to their end (which has a checksum), and hold as many files and
 * bytes as the dump says at its beginning. neo4j-admin itself says success when its output was cut off.
 */
export class DumpCheck {
  readonly #input = createZstdDecompress();
  readonly #content: Promise<Content>;
  readonly #frames = new FrameWalker();
  #head = Buffer.alloc(0);

  constructor() {
    this.#content = readArchive(this.#input);
    // Whoever awaits `end` is told.
    this.#content.catch(() => {});
  }

  /** Takes in the next bytes; they may be freed afterwards. */
  async write(chunk: Uint8Array): Promise<void> {
    let rest = Buffer.from(chunk);
    if (this.#head.length < dumpMagic.length) {
      this.#head = Buffer.concat([this.#head, rest]);
      if (this.#head.length < dumpMagic.length) return;
      requireMagic(this.#head);
      rest = this.#head.subarray(dumpMagic.length);
    }
    this.#frames.write(rest);
    // What is wrong with it is said at the end.
    if (this.#input.destroyed) return;
    if (!this.#input.write(rest)) await Promise.race([once(this.#input, 'drain'), this.#content.catch(() => {})]);
  }

  /** What the dump holds. Rejects with `corrupt` or `dump-incomplete`. */
  async end(): Promise<Content> {
    if (this.#head.length < dumpMagic.length) throw cutOff('before its head is whole');
    this.#input.end();
    const content = await this.#content;
    if (!this.#frames.isComplete) throw cutOff('within its last frame');
    return content;
  }
}

function requireMagic(head: Buffer): void {
  if (head.subarray(0, dumpMagic.length).toString('latin1') === dumpMagic) return;
  throw new HoldfastError('corrupt', 'the dump does not begin as a dump of Neo4j 5 and later does');
}

const cutOff = (where: string, cause?: unknown): HoldfastError =>
  new HoldfastError('dump-incomplete', `the dump ends ${where}`, { cause });

async function readArchive(input: NodeJS.ReadableStream & Readable): Promise<Content> {
  const digest = new RecordDigest();
  let sum: DigestSum = emptySum;
  let bytes = 0;
  let announced: { readonly files: number; readonly bytes: number } | undefined;

  async function* withoutHead(): AsyncGenerator<Buffer, void> {
    let head = Buffer.alloc(0);
    for await (const chunk of input as AsyncIterable<Buffer>) {
      if (announced !== undefined) {
        yield chunk;
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.length < headBytes) continue;
      announced = readHead(head);
      yield head.subarray(headBytes);
    }
  }

  const archive = extract();
  archive.on('entry', (header, stream, next) => {
    if (header.type === 'file') {
      sum = addSums(sum, digest.sumOf(`${header.size ?? 0} ${header.name}`));
      bytes += header.size ?? 0;
    }
    // The archive says it too.
    stream.on('error', () => {});
    stream.on('end', next);
    stream.resume();
  });
  try {
    await pipeline(Readable.from(withoutHead()), archive);
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    if (/unexpected end/i.test(text)) throw cutOff('within its archive', cause);
    throw new HoldfastError('corrupt', `the dump's archive cannot be read: ${text}`, { cause });
  }
  if (announced === undefined) throw cutOff('before its head is whole');
  if (announced.files !== sum.rows || announced.bytes !== bytes)
    throw cutOff(`after ${sum.rows} of ${announced.files} files, and ${bytes} of ${announced.bytes} bytes`);
  return { words: files, tables: [{ schema: '', name: 'dump', rows: sum.rows, bytes, digest: digestText(sum) }] };
}

function readHead(head: Buffer): { readonly files: number; readonly bytes: number } {
  if (head.subarray(0, 4).toString('latin1') !== 'zstd' || head.readInt32BE(4) !== 1)
    throw new HoldfastError('corrupt', 'the head of the dump is of a form that is not known');
  return { files: Number(head.readBigInt64BE(8)), bytes: Number(head.readBigInt64BE(16)) };
}
