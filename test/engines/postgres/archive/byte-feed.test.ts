import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteFeed } from '../../../../lib/engines/postgres/archive/byte-feed.ts';
import { string } from './write-archive.ts';

test('a string that comes in several chunks is whole, though each chunk is reused once it was taken', () => {
  const bytes = string('CONSTRAINT');
  const feed = new ByteFeed();
  const reading = feed.text('a kind', 100);
  reading.next();
  const memory = Buffer.alloc(4);

  let text: unknown;
  for (let at = 0; at < bytes.length; at += 4) {
    const chunk = memory.subarray(0, bytes.copy(memory, 0, at, at + 4));
    feed.feed(chunk);
    text = reading.next().value;
    memory.fill(0);
  }

  assert.equal(text, 'CONSTRAINT');
});
