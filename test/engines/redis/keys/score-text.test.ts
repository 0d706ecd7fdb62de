import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scoreText } from '../../../../lib/engines/redis/keys/score-text.ts';

test('a score is written so that it reads back as the same float', () => {
  for (const score of [0, -0, 0.1, 1e300, 5e-324, -123456789.123, 2 ** 53 + 2])
    assert.ok(Object.is(JSON.parse(scoreText(score)), score), scoreText(score));
  assert.deepEqual([Infinity, -Infinity].map(scoreText), ['inf', '-inf']);
});
