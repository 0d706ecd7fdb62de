import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TablespaceCreations } from '../../../../lib/engines/postgres/recover/tablespace-creations.ts';

const pageBytes = 8192;

/** A record as a server writes it, of which only what is looked at is right. */
function recordOf(location: string, oid: number): Buffer {
  const path = Buffer.from(`${location}\0`);
  const isLong = 4 + path.length > 255;
  const header = Buffer.alloc(24);
  header.writeUInt8(5, 17);
  const about = isLong ? Buffer.from([254, 0, 0, 0, 0]) : Buffer.from([255, 4 + path.length]);
  if (isLong) about.writeUInt32LE(4 + path.length, 1);
  const number = Buffer.alloc(4);
  number.writeUInt32LE(oid);
  const record = Buffer.concat([header, about, number, path]);
  record.writeUInt32LE(record.length);
  return Buffer.concat([record, Buffer.alloc((8 - (record.length % 8)) % 8)]);
}

/** A segment's pages around what is written, which begins so many bytes after the first page's header. */
function segmentOf(written: Buffer, skip: number): Buffer {
  const stream = Buffer.concat([Buffer.alloc(skip), written, Buffer.alloc(2 * pageBytes)]);
  const pages: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const header = pages.length === 0 ? 40 : 24;
    pages.push(Buffer.alloc(header, 0x42), stream.subarray(at, at + pageBytes - header));
    at += pageBytes - header;
  }
  return Buffer.concat(pages);
}

const foundIn = (segment: Buffer, chunkBytes: number) => {
  const creations = new TablespaceCreations();
  for (let at = 0; at < segment.length; at += chunkBytes) creations.write(segment.subarray(at, at + chunkBytes));
  creations.end();
  return creations.found;
};

test('records that create tablespaces are found wherever they lie, over the ends of pages and chunks', () => {
  const long = `/srv/${'long/'.repeat(100)}`;
  for (const skip of [0, 8000, 8120, 8144, 16_000])
    for (const chunkBytes of [1000, 8192, 1_048_576])
      assert.deepEqual(
        foundIn(segmentOf(Buffer.concat([recordOf('/srv/fast', 16400), recordOf(long, 16401)]), skip), chunkBytes),
        [
          { oid: 16400, location: '/srv/fast' },
          { oid: 16401, location: long },
        ],
      );
});

test('neither other records nor places within the data directory are taken for one', () => {
  const dropped = recordOf('/srv/fast', 16400);
  dropped.writeUInt8(0x10, 16);

  assert.deepEqual(foundIn(segmentOf(Buffer.concat([dropped, recordOf('pg_tblspc/16400', 16400)]), 0), 8192), []);
});
