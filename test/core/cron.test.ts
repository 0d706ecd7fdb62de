import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronSchema } from '../../lib/core/cron.ts';

test('a schedule may name the last and the nth weekday of a month, and nothing that Scheduler means otherwise', () => {
  for (const pattern of ['0 3 * * 5L', '0 3 * * 1#2', '0 3 * * 1,3-5', '0 3 L * *'])
    assert.equal(cronSchema.safeParse(pattern).success, true, pattern);
  for (const pattern of ['0 3 * * FRIL', '0 3 * * 1#6', '0 3 1 * 5L', '0 3 15W * *', '@daily', '0 3 * *'])
    assert.equal(cronSchema.safeParse(pattern).success, false, pattern);
});
