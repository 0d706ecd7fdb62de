import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { addSums, digestText, emptySum } from '../../../lib/engines/digest/digest-sum.ts';
import { parseLanes } from '../../../lib/engines/digest/lanes.ts';
import { RecordDigest } from '../../../lib/engines/digest/record-digest.ts';
import { BlockDigest } from '../../../lib/engines/postgres/archive/row-digest.ts';
import { buildWasm, generatedPath, recordDigestModule } from '../../../scripts/build-wasm.ts';

test('a record gives the published XXH64 of its UTF-8 bytes, and that of the other seed', () => {
  const digest = new RecordDigest();

  assert.equal(digestText(digest.sumOf('')), 'ef46db3751d8e999ac75fda2929b17ef');
  assert.equal(digestText(digest.sumOf('a')).slice(0, 16), 'd24ec4f1a98c6e5b');
  assert.equal(digest.sumOf('Grüße, 世界').bytes, 15);
});

test('a record larger than the memory comes to what the digest of rows comes to, and the next short one as before', () => {
  const digest = new RecordDigest();
  const short = digest.sumOf('short');
  const long = 'ä'.repeat(1_000_000);
  const rows = new BlockDigest();
  rows.begin('record');
  rows.push(Buffer.from(long));
  rows.end();

  assert.deepEqual(digest.sumOf(long), { rows: 1, bytes: 2_000_000, lanes: rows.sum().lanes });
  assert.deepEqual(digest.sumOf('short'), short);
});

test('sums do not depend on the order, and a digest is read back as it was written', () => {
  const digest = new RecordDigest();
  const [one, other] = [digest.sumOf('one'), digest.sumOf('other')];
  const sum = addSums(addSums(emptySum, one), other);

  assert.deepEqual(addSums(other, one), sum);
  assert.deepEqual([sum.rows, sum.bytes], [2, 8]);
  assert.deepEqual(parseLanes(digestText(sum)), sum.lanes);
});

test('the checked-in module is what the source compiles to', async () => {
  assert.equal(await buildWasm(recordDigestModule), await readFile(generatedPath(recordDigestModule), 'utf8'));
});
