import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SegmentAssembler } from '../../../lib/wal/receiver/segment-assembler.ts';
import type { WalUpload } from '../../../lib/wal/receiver/uploads.ts';

const segmentBytes = 1024 * 1024;

/** An assembler, and what it emitted; each upload's bytes are copied at once, as an upload that is quick would have read them. */
function assembling(
  durable: bigint,
  known: { from: number; to: number; plainSha256: string }[] = [],
  begin = durable - (durable % BigInt(segmentBytes)),
) {
  const emitted: { name: string; end: bigint | undefined; plain: Buffer }[] = [];
  const assembler = new SegmentAssembler({
    timeline: 1,
    begin,
    durable,
    known,
    segmentBytes,
    emit: ({ file, end, release }: WalUpload) => {
      emitted.push({ name: file.name, end, plain: Buffer.from(file.plain) });
      release?.();
    },
    pointAt: () => undefined,
  });
  return { assembler, emitted };
}

test('segments are cut where they end, and pieces say which bytes they hold', () => {
  const { assembler, emitted } = assembling(0x300000n);
  const wal = randomBytes(segmentBytes + 500);

  assembler.take(wal.subarray(0, 1000));
  assembler.flush();
  assembler.flush();
  assembler.take(wal.subarray(1000));
  assembler.flush();

  assert.deepEqual(
    emitted.map(({ name, end }) => [name, end]),
    [
      ['000000010000000000000003.partial-00000000-000003E8', 0x3003e8n],
      ['000000010000000000000003', 0x400000n],
      ['000000010000000000000004.partial-00000000-000001F4', 0x4001f4n],
    ],
  );
  assert.deepEqual(emitted[1]?.plain, wal.subarray(0, segmentBytes));
  assert.deepEqual(emitted[2]?.plain, wal.subarray(segmentBytes));
  assert.equal(assembler.received, 0x4001f4n);
});

test('every sixteenth piece takes in the fifteen before it, and every two hundred and fifty-sixth all of them', () => {
  const { assembler, emitted } = assembling(0n);
  for (let piece = 1; piece <= 256; piece++) {
    assembler.take(Buffer.alloc(10, piece));
    assembler.flush();
  }

  const lengths = emitted.map(({ plain }) => plain.length);
  assert.deepEqual(lengths.slice(0, 17), [...new Array<number>(15).fill(10), 160, 10]);
  assert.equal(lengths[31], 160);
  assert.equal(lengths[255], 2560);
});

test('what the store has of the first segment has to come again, and the first piece then goes back to its beginning', () => {
  const wal = randomBytes(3000);
  const known = [{ from: 0, to: 2000, plainSha256: createHash('sha256').update(wal.subarray(0, 2000)).digest('hex') }];
  const { assembler, emitted } = assembling(2000n, known);

  assembler.take(wal.subarray(0, 1500));
  assembler.flush();
  assembler.take(wal.subarray(1500));
  assembler.flush();

  assert.deepEqual(
    emitted.map(({ name }) => name),
    ['000000010000000000000000.partial-00000000-00000BB8'],
  );

  const other = assembling(2000n, known);
  assert.throws(() => other.assembler.take(randomBytes(2500)), { code: 'wal-conflict' });
  assert.equal(other.assembler.isRefused, true);
});

test('a segment that the store has whole is compared, and not made once more', () => {
  const wal = randomBytes(segmentBytes + 500);
  const plainSha256 = createHash('sha256').update(wal.subarray(0, segmentBytes)).digest('hex');
  const known = [{ from: 0, to: segmentBytes, plainSha256 }];
  const { assembler, emitted } = assembling(0x400000n, known, 0x300000n);

  assembler.take(wal.subarray(0, 1000));
  assembler.flush();
  assembler.take(wal.subarray(1000));
  assembler.flush();

  assert.deepEqual(
    emitted.map(({ name, end }) => [name, end]),
    [['000000010000000000000004.partial-00000000-000001F4', 0x4001f4n]],
  );
  assert.deepEqual(emitted[0]?.plain, wal.subarray(segmentBytes));
  const other = assembling(0x400000n, known, 0x300000n);
  assert.throws(() => other.assembler.take(randomBytes(segmentBytes + 500)), { code: 'wal-conflict' });
});
