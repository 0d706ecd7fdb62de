import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { flushInTime } from '../../../lib/wal/receiver/flush-in-time.ts';

test('flushes begin so early that they end in time, but not before half of it', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let now = 0;
    let leadMs = 0;
    const flushes: number[] = [];
    const end = flushInTime({ everyMs: 1000, leadMs: () => leadMs, flush: () => flushes.push(now) });
    const pass = (milliseconds: number): void => {
      for (let step = 0; step < milliseconds; step += 10) {
        now += 10;
        mock.timers.tick(10);
      }
    };

    pass(1000);
    assert.deepEqual(flushes, [1000]);
    // What the flush before this change planned stays as it is.
    leadMs = 200;
    pass(1800);
    assert.deepEqual(flushes, [1000, 2000, 2800]);
    leadMs = 60_000;
    pass(1300);
    assert.deepEqual(flushes, [1000, 2000, 2800, 3600, 4100]);
    end();
    pass(5000);
    assert.equal(flushes.length, 5);
  } finally {
    mock.timers.reset();
  }
});
