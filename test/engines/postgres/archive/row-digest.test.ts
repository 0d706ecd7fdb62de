import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { ArchiveInspector } from '../../../../lib/engines/postgres/archive/archive-inspector.ts';
import { BlockDigest, CopyTextDigest } from '../../../../lib/engines/postgres/archive/row-digest.ts';
import { buildWasm, rowDigestModule } from '../../../../scripts/build-wasm.ts';
import { referenceDigest } from './reference-digest.ts';
import { header, integer, tableBlock, tableEntry } from './write-archive.ts';

/** xxHash's own test buffer (tests/sanity_test.c). */
function sanityBuffer(length: number): Uint8Array {
  let generator = 2654435761n;
  return Uint8Array.from({ length }, () => {
    const byte = Number(generator >> 56n);
    generator = BigInt.asUintN(64, generator * 11400714785074694797n);
    return byte;
  });
}

function recordDigest(record: Uint8Array): string {
  const block = new BlockDigest();
  block.begin('record');
  block.push(record);
  block.end();
  return block
    .sum()
    .lanes.map((lane) => lane.toString(16).padStart(16, '0'))
    .join(' ');
}

function copyDigest(...chunks: readonly Uint8Array[]): ReturnType<CopyTextDigest['end']> {
  const digest = new CopyTextDigest();
  for (const chunk of chunks) digest.write(chunk);
  return digest.end();
}

/** The bytes, cut at the given places (taken modulo the length). */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const row = fc
  .oneof(
    fc.uint8Array({ maxLength: 5 }),
    fc.uint8Array({ minLength: 20, maxLength: 70 }),
    fc.constantFrom('', '\\\\.', '\\N', '.', '\\').map((text) => Buffer.from(text)),
    fc.nat(3000).map((length) => Buffer.alloc(length, 'x')),
  )
  .map((bytes) => Uint8Array.from(bytes, (byte) => (byte === 10 ? 11 : byte)));
const places = fc.array(fc.nat(1_000_000), { maxLength: 40 });
const isEndMark = (bytes: Uint8Array): boolean => Buffer.from(bytes).toString('latin1') === '\\.';
const newline = Uint8Array.of(10);

test('a single record gives the published XXH64 vectors of both seeds', () => {
  assert.equal(recordDigest(sanityBuffer(0)), 'ef46db3751d8e999 ac75fda2929b17ef');
  assert.equal(recordDigest(sanityBuffer(1)), 'e934a84adb052768 5014607643a9b4c3');
  assert.equal(recordDigest(sanityBuffer(14)), '8282dcc4994e35c8 c3bd6bf63deb6df0');
  assert.equal(recordDigest(sanityBuffer(222)), 'b641ae8cb691c174 20cb8ab7ae10c14a');
});

test('a single row gives the published XXH64 vectors of both seeds, without its line end', () => {
  assert.deepEqual(copyDigest(Buffer.from('abc\n')), {
    rows: 1,
    bytes: 4,
    digest: '44bc2cf5ad7709991318df30094a85fd',
  });
  assert.deepEqual(copyDigest(Buffer.from('Nobody inspects the spammish repetition\n')), {
    rows: 1,
    bytes: 40,
    digest: 'fbcea83c8a378bf156db22dd5b051147',
  });
});

test('no rows give zeros, and rows without columns count', () => {
  assert.deepEqual(copyDigest(), { rows: 0, bytes: 0, digest: '00000000000000000000000000000000' });
  assert.deepEqual(copyDigest(newline), { rows: 1, bytes: 1, digest: 'ef46db3751d8e999ac75fda2929b17ef' });
});

test('a COPY stream that ends within a row is incomplete', () => {
  assert.throws(() => copyDigest(Buffer.from('one\ntwo')), {
    code: 'dump-incomplete',
    message: 'the rows end within row 2: expected its line end',
  });
});

test('rows give the reference digest in any order, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), places, (rows, cuts) => {
      const stream = Buffer.concat(rows.flatMap((one) => [one, newline]));
      const backwards = Buffer.concat(rows.toReversed().flatMap((one) => [one, newline]));
      const expected = { rows: rows.length, bytes: stream.length, digest: referenceDigest(rows) };

      assert.deepEqual(copyDigest(...cut(stream, cuts)), expected);
      assert.deepEqual(copyDigest(backwards), expected);
    }),
    { numRuns: 300 },
  );
});

test('rows in an archive give the reference digest, however chunks and writes are cut', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), places, places, (all, chunkCuts, writeCuts) => {
      const rows = all.filter((one) => !isEndMark(one));
      const stream = Buffer.concat([...rows.flatMap((one) => [one, newline]), Buffer.from('\\.\n\n\n')]);
      const parts = cut(stream, chunkCuts).filter((part) => part.length > 0);
      const archive = Buffer.concat([header(), integer(1), tableEntry(7, 'fruit'), tableBlock(7, ...parts)]);

      const inspector = new ArchiveInspector();
      for (const piece of cut(archive, writeCuts)) inspector.write(piece);

      assert.deepEqual(inspector.end().content?.tables, [
        {
          schema: 'public',
          name: 'fruit',
          rows: rows.length,
          bytes: stream.length - 5,
          digest: referenceDigest(rows),
        },
      ]);
    }),
    { numRuns: 300 },
  );
});

test('a row longer than what is hashed at once gives the reference digest', () => {
  const long = Buffer.alloc(300_001, 'holdfast');

  const { digest } = copyDigest(Buffer.from('short\n'), long, newline);

  assert.equal(digest, referenceDigest([Buffer.from('short'), long]));
});

test('the checked-in module is what the source compiles to', async () => {
  const checkedIn = await readFile('lib/engines/postgres/archive/row-digest.wasm.ts', 'utf8');

  assert.equal(await buildWasm(rowDigestModule), checkedIn);
});
