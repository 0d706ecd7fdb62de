import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChunkSink } from '../../../lib/engines/application/chunks/chunk-sink.ts';
import type { EarlierChunk, GivenChunk } from '../../../lib/engines/application/tree/sink.ts';
import { noise } from './odd-tree.ts';
import { plainFile } from './plain-file.ts';

const MiB = 1024 * 1024;

/** What a file is cut into, in pieces of that size as they come from a disk. */
function chunksOf(content: Uint8Array, pieceBytes: number, earlier?: readonly EarlierChunk[]) {
  const sink = new ChunkSink({ keeps: 'chunks' });
  sink.beginFile({ ...plainFile, size: content.length }, { isAgain: false, earlier });
  for (let at = 0; at < content.length; ) {
    const room = sink.room(pieceBytes);
    const piece = content.subarray(at, at + room.length);
    room.set(piece);
    sink.write(room.subarray(0, piece.length));
    at += piece.length;
  }
  const digest = sink.endFile();
  const { items = [], bytes } = sink.take();
  const chunks = items.filter((item): item is GivenChunk & { kind: 'chunk' } => item.kind === 'chunk');
  return { digest, bytes: bytes?.length ?? 0, chunks };
}

const edit = fc.record({
  kind: fc.constantFrom('overwrite', 'insert', 'append', 'truncate', 'zeros'),
  at: fc.nat(1000),
  length: fc.nat(MiB / 4),
});

test('a file is cut the same whether it is known of what it consisted or not, and what is known is not given again', () => {
  fc.assert(
    fc.property(
      fc.nat(3.5 * MiB),
      fc.array(edit, { maxLength: 3 }),
      fc.constantFrom(MiB, 300_000),
      (length, edits, pieceBytes) => {
        const old = noise(4 * length, 7);
        let content: Buffer = old;
        for (const { kind, at, length: bytes } of edits) {
          const start = Math.floor((content.length * at) / 1000);
          const head = content.subarray(0, start);
          const piece = kind === 'zeros' ? Buffer.alloc(20 * bytes) : noise(4 * bytes, at);
          if (kind === 'truncate') content = head;
          else if (kind === 'append') content = Buffer.concat([content, piece]);
          else if (kind === 'insert') content = Buffer.concat([head, piece, content.subarray(start)]);
          else content = Buffer.concat([head, piece, content.subarray(start + piece.length)]);
        }
        const earlier = chunksOf(old, MiB).chunks.map(({ id, length: bytes }) => ({ id, length: bytes }));

        const [guessed, cut] = [chunksOf(content, pieceBytes, earlier), chunksOf(content, MiB)];

        const idsOf = ({ chunks }: typeof cut) => chunks.map(({ id, length: bytes }) => [id, bytes]);
        assert.deepEqual(idsOf(guessed), idsOf(cut));
        assert.deepEqual(guessed.digest, cut.digest);
        const known = new Set(earlier.map(({ id }) => id));
        assert.ok(guessed.chunks.every(({ id, start }) => start === undefined || !known.has(id)));
        const given = guessed.chunks.filter(({ id }) => !known.has(id));
        assert.ok(given.every(({ id }) => given.some((one) => one.id === id && one.start !== undefined)));
      },
    ),
    { numRuns: 30 },
  );
});

test('of a file that did not change nothing is given, and of one that grew what follows its last chunk but one', () => {
  const old = noise(9 * MiB, 3);
  const earlier = chunksOf(old, MiB).chunks.map(({ id, length }) => ({ id, length }));

  assert.equal(chunksOf(old, MiB, earlier).bytes, 0);
  const grown = chunksOf(Buffer.concat([old, noise(8, 1)]), MiB, earlier);
  assert.deepEqual(
    grown.chunks.filter(({ start }) => start === undefined).map(({ id }) => id),
    earlier.slice(0, -1).map(({ id }) => id),
  );
});
