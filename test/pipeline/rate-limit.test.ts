import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit } from '../../lib/pipeline/rate-limit.ts';

test('bytes take as long as the limit says, and a stall is not made up for', async () => {
  const waits: number[] = [];
  let now = 1000;
  const limit = new RateLimit(1000, {
    now: () => now,
    wait: async (milliseconds) => {
      waits.push(milliseconds);
      now += milliseconds;
    },
  });
  const { signal } = new AbortController();

  await limit.passed(100, signal);
  await limit.passed(2, signal);
  await limit.passed(98, signal);
  now += 60_000;
  await limit.passed(500, signal);

  assert.deepEqual(waits, [100, 100, 500]);
});

test('no limit never waits', async () => {
  const limit = new RateLimit(0, { now: () => 0, wait: () => assert.fail('waited') });

  await limit.passed(1e12, new AbortController().signal);
});

test('streams that share a limit get as many bytes together as one alone', async () => {
  let now = 0;
  const limit = new RateLimit(1000, {
    now: () => now,
    wait: async (milliseconds) => {
      now += milliseconds;
    },
  });
  const { signal } = new AbortController();
  const stream = async (): Promise<void> => {
    for (let chunk = 0; chunk < 10; chunk++) await limit.passed(100, signal);
  };

  await Promise.all([stream(), stream()]);

  assert.ok(now >= 2000, `2000 bytes at 1000 a second took ${now} ms`);
});
