import { hash } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';
import type { Content } from '../../../core/manifest.ts';
import { addLanes, lanesText, noLanes } from '../../digest/lanes.ts';
import { type TreeContent, TreeSum } from '../tree/tree-content.ts';
import { digestOfChunks } from './chunk-sink.ts';
import { largestChunk } from './cut.ts';
import { chunkHeaderBytes, packMagic, packsEnd } from './pack.ts';
import { openIndex } from './read-index.ts';

/** What an index lists. Throws `corrupt` and `dump-incomplete`. */
export async function inspectIndex(bytes: AsyncIterable<Uint8Array>): Promise<TreeContent> {
  const sum = new TreeSum();
  const { entries } = await openIndex(bytes);
  for await (const { entry, chunks } of entries)
    sum.add(entry, entry.kind === 'file' ? digestOfChunks(chunks.map(({ id }) => Buffer.from(id, 'hex'))) : undefined);
  return sum.content();
}

/** Sums chunks, in any order, by the first sixteen bytes of their SHA-256. */
export class ChunkSum {
  #chunks = 0;
  #bytes = 0;
  #lanes = noLanes;

  add(digest: Buffer, length: number): void {
    this.#chunks += 1;
    this.#bytes += length;
    this.#lanes = addLanes(this.#lanes, [digest.readBigUInt64BE(0), digest.readBigUInt64BE(8)]);
  }

  content(): Content {
    return {
      words: { collection: 'pack', item: 'chunk' },
      tables: [{ schema: '', name: 'packs', rows: this.#chunks, bytes: this.#bytes, digest: lanesText(this.#lanes) }],
    };
  }
}

/** The chunks of packs, each held against its own SHA-256. Throws `corrupt` and `dump-incomplete`. */
export async function inspectPacks(bytes: AsyncIterable<Uint8Array>): Promise<Content> {
  const sum = new ChunkSum();
  const buffer = Buffer.allocUnsafeSlow(chunkHeaderBytes + largestChunk);
  let filled = 0;
  let wanted = packMagic.length;
  let isBegun = false;
  let isEnded = false;
  for await (const piece of bytes) {
    if (isEnded && piece.length > 0) throw new HoldfastError('corrupt', 'something follows the end of the packs');
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(wanted - filled, piece.length - at);
      buffer.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < wanted) continue;
      if (!isBegun) {
        if (!buffer.subarray(0, wanted).equals(packMagic)) throw new HoldfastError('corrupt', 'these are no packs');
        isBegun = true;
      } else if (wanted === chunkHeaderBytes) {
        const length = buffer.readUInt32LE(0);
        if (length === 0 && buffer.subarray(0, wanted).equals(packsEnd())) {
          if (at < piece.length) throw new HoldfastError('corrupt', 'something follows the end of the packs');
          isEnded = true;
          filled = 0;
          continue;
        }
        if (length === 0 || length > largestChunk)
          throw new HoldfastError('corrupt', 'a chunk has a length that none has');
        wanted += length;
        continue;
      } else {
        const digest = buffer.subarray(4, chunkHeaderBytes);
        const content = buffer.subarray(chunkHeaderBytes, wanted);
        if (!hash('sha256', content, 'buffer').equals(digest))
          throw new HoldfastError('corrupt', 'a chunk is not what its SHA-256 says');
        sum.add(digest, content.length);
      }
      wanted = chunkHeaderBytes;
      filled = 0;
    }
  }
  if (!isEnded) throw new HoldfastError('dump-incomplete', 'the packs have no end');
  return sum.content();
}
