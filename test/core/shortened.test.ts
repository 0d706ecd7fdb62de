import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstFew } from '../../lib/core/first-few.ts';
import { shortened } from '../../lib/core/shortened.ts';

test('a long text keeps its beginning and its end, and no half of a character', () => {
  assert.equal(shortened('abcdefghij', 10), 'abcdefghij');
  assert.equal(shortened('abcdefghij', 7), 'abc…hij');
  assert.equal(shortened('abcdefghij', 6), 'abc…ij');
  assert.equal(shortened('😀😀😀😀', 4), '😀😀😀😀');
  assert.equal(shortened('😀😀😀😀😀', 3), '😀…😀');
});

test('the first few of many long sentences stay within what a failure may be', () => {
  const said = firstFew(Array.from({ length: 9 }, (_, index) => `'${'d/'.repeat(2000)}${index}' cannot be read`));

  assert.equal(said.length, 5 * 300 + '; '.length * 4 + ' and 4 more'.length);
  assert.match(said, /^'d\/d\/.*….*d\/0' cannot be read; 'd\/.*d\/4' cannot be read and 4 more$/);
});
