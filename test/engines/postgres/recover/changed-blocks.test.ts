import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangedBlocks } from '../../../../lib/engines/postgres/recover/changed-blocks.ts';

const page = 8192;

/** A file as a server writes it: the numbers of blocks, and for each a page that is full of its number. */
function fileOf(numbers: readonly number[], kept: number): Buffer {
  const header = Buffer.alloc(numbers.length === 0 ? 12 : page);
  header.writeUInt32LE(0xd3ae1f0d, 0);
  header.writeUInt32LE(numbers.length, 4);
  header.writeUInt32LE(kept, 8);
  for (const [index, number] of numbers.entries()) header.writeUInt32LE(number, 12 + 4 * index);
  return Buffer.concat([header, ...numbers.map((number) => Buffer.alloc(page, number))]);
}

function readIn(
  pieceBytes: number,
  file: Buffer,
): { readonly lengths: unknown[]; readonly pages: Map<number, number> } {
  const blocks = new ChangedBlocks(file.length);
  const lengths: unknown[] = [];
  const pages = new Map<number, number>();
  for (let from = 0; from < file.length; from += pieceBytes)
    for (const change of blocks.push(file.subarray(from, from + pieceBytes))) {
      if ('length' in change) lengths.push(change.length);
      else
        for (const [index, byte] of change.piece.entries())
          if ((change.at + index) % page === page - 1) pages.set(Math.floor((change.at + index) / page), byte);
    }
  return { lengths, pages };
}

for (const pieceBytes of [1000, page, 1_000_000])
  test(`each changed block goes to its place, read in pieces of ${pieceBytes} bytes`, () => {
    const { lengths, pages } = readIn(pieceBytes, fileOf([3, 4, 5, 9], 7));

    assert.deepEqual(lengths, [{ kept: 7, full: 10 }]);
    assert.deepEqual(
      [...pages],
      [
        [3, 3],
        [4, 4],
        [5, 5],
        [9, 9],
      ],
    );
  });

test('a file that says how long all of its relation was keeps as many pages as a file has', () => {
  const { lengths } = readIn(page, fileOf([3], 157_000));

  assert.deepEqual(lengths, [{ kept: 131_072, full: 131_072 }]);
});

test('blocks that follow each other are written as one stretch', () => {
  const file = fileOf([3, 4, 5, 9], 7);

  const stretches = [...new ChangedBlocks(file.length).push(file)].flatMap((change) =>
    'at' in change ? [[change.at / page, change.piece.length / page]] : [],
  );

  assert.deepEqual(stretches, [
    [3, 3],
    [9, 1],
  ]);
});

test('a file in which nothing changed says how long the whole is', () => {
  assert.deepEqual(readIn(5, fileOf([], 7)), { lengths: [{ kept: 7, full: 7 }], pages: new Map() });
});

test('what is no file of changed blocks is refused', () => {
  const good = fileOf([3, 4], 7);
  const withoutMagic = Buffer.from(good);
  withoutMagic.writeUInt32LE(0xd3ae1f0e, 0);
  const beyond = fileOf([131_072], 7);

  for (const file of [withoutMagic, good.subarray(0, good.length - 1), good.subarray(0, 11), beyond])
    assert.throws(() => readIn(page, file), { code: 'corrupt' });
});
