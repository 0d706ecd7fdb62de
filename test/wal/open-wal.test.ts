import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { timelinePath } from '../../lib/engines/postgres/replication/timeline-history.ts';
import type { Store } from '../../lib/store/store.ts';
import { openWal, walSystems } from '../../lib/wal/open-wal.ts';
import { pieceName } from '../../lib/wal/wal-names.ts';
import { bytesOf, segmentBytes, systemIdentifier, target, type WalPlace, walPlace } from './wal-place.ts';

/** With segments of 64 KiB, the one that begins at 0/30000. */
const third = '000000010000000000000003';

const folderOf = (place: WalPlace, ...names: string[]): string =>
  path.join(place.folder, 'vault', 'wal', target, systemIdentifier, ...names);

async function writeSegments(place: WalPlace, ...names: string[]): Promise<void> {
  for (const name of names) await place.writer.write({ name, segmentBytes, plain: randomBytes(segmentBytes) });
}

describe('WAL in the store', () => {
  for (const settings of [
    { keys: 'key-file', algorithm: 'aes-256-gcm', compression: 'zstd' },
    { keys: 'key-file', algorithm: 'aes-256-cbc', compression: 'gzip' },
    { keys: 'key-file', algorithm: 'aes-256-gcm', compression: 'none' },
    { keys: 'none', compression: 'zstd' },
  ] as const) {
    test(`a segment comes back byte for byte: ${JSON.stringify(settings)}`, async () => {
      await using place = await walPlace(settings);
      const plain = Buffer.concat([randomBytes(5_000_000), Buffer.alloc(3_388_608)]);

      const { outcome } = await place.writer.write({ name: third, segmentBytes: plain.length, plain });
      const read = await bytesOf(openWal(place.context, target, systemIdentifier).read(third));

      assert.equal(outcome, 'written');
      assert.deepEqual(read, plain);
      if (settings.keys === 'none') return;
      const stored = await readFile(folderOf(place, '00000001', third));
      assert.ok(!stored.includes(plain.subarray(0, 64)), 'it lies in the clear');
    });
  }

  test('the same segment written again is no error, and other content under its name is refused', async () => {
    await using place = await walPlace();
    const plain = randomBytes(segmentBytes);
    await place.writer.write({ name: third, segmentBytes, plain });

    const again = await place.writer.write({ name: third, segmentBytes, plain });
    assert.equal(again.outcome, 'present');

    await assert.rejects(place.writer.write({ name: third, segmentBytes, plain: randomBytes(segmentBytes) }), {
      code: 'wal-conflict',
      message: /the store has WAL '000000010000000000000003' of system 7434001122334455667 with other content/,
    });
    assert.deepEqual(await bytesOf(openWal(place.context, target, systemIdentifier).read(third)), plain);
  });

  test('pieces are read as one segment, with zeros where nothing is known', async () => {
    await using place = await walPlace();
    const plain = randomBytes(segmentBytes);
    for (const [from, to] of [
      [0, 1000],
      [1000, 1001],
      [1001, 30_000],
      [0, 30_500],
      [30_500, 40_000],
    ] as const)
      await place.writer.write({ name: pieceName(third, from, to), segmentBytes, plain: plain.subarray(from, to) });

    const wal = openWal(place.context, target, systemIdentifier);
    const read = await bytesOf(wal.read(third));

    assert.deepEqual(read, Buffer.concat([plain.subarray(0, 40_000), Buffer.alloc(25_536)]));
    assert.deepEqual(await wal.segments(1), [
      {
        name: third,
        start: 0x30000n,
        end: 0x39c40n,
        isWhole: false,
        pieces: [`${third}.partial-00000000-00007724`, `${third}.partial-00007724-00009C40`],
      },
    ]);
  });

  test('of a piece that begins before the last one ended, the rest is read', async () => {
    await using place = await walPlace();
    const plain = randomBytes(segmentBytes);
    for (const [from, to] of [
      [0, 30_000],
      [20_000, segmentBytes],
    ] as const)
      await place.writer.write({ name: pieceName(third, from, to), segmentBytes, plain: plain.subarray(from, to) });

    const read = await bytesOf(openWal(place.context, target, systemIdentifier).read(third));

    assert.deepEqual(read, plain);
  });

  test('a segment that becomes whole while it is asked for is not missing', async () => {
    await using place = await walPlace();
    const plain = randomBytes(segmentBytes);
    await place.writer.write({ name: pieceName(third, 0, 1000), segmentBytes, plain: plain.subarray(0, 1000) });
    let isAsked = false;
    const store: Store = new Proxy(place.store, {
      get: (_, name) => {
        const member: unknown = Reflect.get(place.store, name, place.store);
        if (name !== 'get') return typeof member === 'function' ? member.bind(place.store) : member;
        const get: Store['get'] = async (key, options) => {
          if (isAsked || !key.endsWith(third)) return place.store.get(key, options);
          isAsked = true;
          // The answer is on its way when a receiver fills the segment.
          const answer = await place.store.get(key, options).catch((error: unknown) => ({ error }));
          await place.writer.write({ name: third, segmentBytes, plain });
          if ('error' in answer) throw answer.error;
          return answer;
        };
        return get;
      },
    });

    const read = await bytesOf(openWal({ ...place.context, store }, target, systemIdentifier).read(third));

    assert.ok(read.equals(plain));
  });

  test('a piece after a hole is not read', async () => {
    await using place = await walPlace();
    const plain = randomBytes(segmentBytes);
    await place.writer.write({ name: pieceName(third, 0, 1000), segmentBytes, plain: plain.subarray(0, 1000) });
    await place.writer.write({ name: pieceName(third, 1001, 2000), segmentBytes, plain: plain.subarray(1001, 2000) });

    const read = await bytesOf(openWal(place.context, target, systemIdentifier).read(third));

    assert.deepEqual(read, Buffer.concat([plain.subarray(0, 1000), Buffer.alloc(64_536)]));
  });

  test('it is told how far WAL goes, and which segment is missing first', async () => {
    await using place = await walPlace();
    await writeSegments(
      place,
      '000000010000000000000003',
      '000000010000000000000004',
      '000000010000000000000006',
      '000000010000000000000007',
    );
    const wal = openWal(place.context, target, systemIdentifier);

    assert.deepEqual(await wal.reachable({ timeline: 1, lsn: '0/30028' }), {
      timeline: 1,
      lsn: '0/50000',
      missing: '000000010000000000000005',
      isGap: true,
    });
    assert.deepEqual(await wal.reachable({ timeline: 1, lsn: '0/61234' }), {
      timeline: 1,
      lsn: '0/80000',
      missing: '000000010000000000000008',
      isGap: false,
    });
    assert.deepEqual(await wal.reachable({ timeline: 1, lsn: '0/50000' }), {
      timeline: 1,
      lsn: '0/50000',
      missing: '000000010000000000000005',
      isGap: true,
    });
  });

  test('timelines are followed along their histories, through the segment that both have', async () => {
    await using place = await walPlace();
    await writeSegments(place, '000000010000000000000003', '000000010000000000000004');
    const plain = randomBytes(0x8000);
    await place.writer.write({ name: pieceName('000000010000000000000005', 0, 0x8000), segmentBytes, plain });
    await writeSegments(place, '000000020000000000000005', '000000020000000000000006');
    await place.writer.write({
      name: '00000002.history',
      segmentBytes,
      plain: Buffer.from('1\t0/58000\tno recovery target specified\n'),
    });
    const wal = openWal(place.context, target, systemIdentifier);

    assert.deepEqual(await wal.timelines(), [1, 2]);
    assert.equal(String(await wal.history(2)), '1\t0/58000\tno recovery target specified\n');
    assert.equal(await wal.history(1), undefined);
    assert.deepEqual(await wal.reachable({ timeline: 1, lsn: '0/30028' }), {
      timeline: 2,
      lsn: '0/70000',
      missing: '000000020000000000000007',
      isGap: false,
    });
    assert.deepEqual(await wal.reachable({ timeline: 1, lsn: '0/30028' }, { path: timelinePath(1, []) }), {
      timeline: 1,
      lsn: '0/58000',
      missing: '000000010000000000000005',
      isGap: false,
    });
    assert.deepEqual(
      await wal.reachable({ timeline: 1, lsn: '0/58001' }),
      { timeline: 1, lsn: '0/58001', missing: '000000010000000000000005', isGap: false },
      'a position that the newer timeline does not come from',
    );
  });

  test('a timeline whose history is missing is said to be', async () => {
    await using place = await walPlace();
    await writeSegments(place, '000000010000000000000003', '000000020000000000000004');

    await assert.rejects(openWal(place.context, target, systemIdentifier).reachable({ timeline: 1, lsn: '0/30028' }), {
      code: 'object-missing',
      message: "the store lacks '00000002.history', which tells the way there",
    });
  });

  test('systems of a target are told apart', async () => {
    await using place = await walPlace();
    await writeSegments(place, third);
    assert.deepEqual(await walSystems(place, target), [systemIdentifier]);
  });

  test('damage is told: empty, cut short, altered, moved, without its key', async () => {
    await using place = await walPlace();
    await writeSegments(place, third, '000000010000000000000004');
    const file = folderOf(place, '00000001', third);
    const good = await readFile(file);
    const read = () => bytesOf(openWal(place.context, target, systemIdentifier).read(third));

    await truncate(file, good.length - 100);
    await assert.rejects(read(), { code: 'corrupt' });

    await writeFile(file, Buffer.concat([good.subarray(0, -40_000), Buffer.from([1, 2, 3]), good.subarray(-39_997)]));
    await assert.rejects(read(), { code: 'corrupt' });

    await truncate(file, 0);
    await assert.rejects(read(), { code: 'corrupt', hint: 'it is empty: was it truncated?' });

    await copyFile(folderOf(place, '00000001', '000000010000000000000004'), file);
    await assert.rejects(read(), { code: 'corrupt', message: /is another one under this name/ });

    await writeFile(
      file,
      String(await readFile(file, 'latin1')).replace('"000000010000000000000004"', `"${third}"`),
      'latin1',
    );
    await assert.rejects(read(), { code: 'corrupt', message: /is another one under this name/ });

    await writeFile(file, good);
    assert.equal((await read()).length, segmentBytes);
    const keys = await readdir(folderOf(place, 'keys'));
    assert.equal(keys.length, 1);
    await rm(folderOf(place, 'keys', keys[0] ?? ''));
    await assert.rejects(read(), { code: 'key-missing' });
  });

  test('what is not there is missing', async () => {
    await using place = await walPlace();
    const wal = openWal(place.context, target, systemIdentifier);

    await assert.rejects(bytesOf(wal.read(third)), { code: 'object-missing' });
    await assert.rejects(bytesOf(wal.read('00000002.history')), { code: 'object-missing' });
    await assert.rejects(wal.reachable({ timeline: 1, lsn: '0/1' }), { code: 'object-missing' });
    assert.deepEqual(await wal.timelines(), []);
    assert.deepEqual(await wal.segments(1), []);
  });

  test('a day has one key, whoever asks for it', async () => {
    let now = new Date('2026-11-26T05:00:00Z');
    await using place = await walPlace({ clock: () => now });
    const { WalKeys } = await import('../../lib/wal/wal-keys.ts');
    const first = await new WalKeys(place.context, target, systemIdentifier).shared();
    now = new Date('2026-11-27T04:00:00Z');
    const second = await new WalKeys(place.context, target, systemIdentifier).shared();
    now = new Date('2026-11-27T05:00:01Z');
    const third = await new WalKeys(place.context, target, systemIdentifier).shared();

    assert.deepEqual(second, first);
    assert.notEqual(third?.keyId, first?.keyId);
    assert.match(third?.keyId ?? '', /^20261127T050001Z-/);
  });
});
