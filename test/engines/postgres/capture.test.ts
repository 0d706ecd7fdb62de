import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamName } from '../../../lib/engines/postgres/capture.ts';

test('a stream is named after its database where that is a key segment, and after its hash where not', () => {
  assert.equal(streamName('orders'), 'db-orders');
  assert.equal(streamName('Orders'), 'db-orders-b7e8acdd');
  assert.equal(streamName('-h'), 'db--h');
  assert.match(streamName('a=b'), /^db-a-b-[0-9a-f]{8}$/);
  assert.match(streamName('😀'), /^db---[0-9a-f]{8}$/);
});
