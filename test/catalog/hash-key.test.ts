import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../lib/catalog/hash-key.ts';

test('a hash key is the SHA-256 of the business key, as PostgreSQL writes a bytea', () => {
  // printf acme | sha256sum
  assert.equal(hashKey('acme'), '\\x822b33ad87c148a0a20a5ba7cd5ebcaa68d36a18e7aad165554903f52ca82757');
});

test('composed and decomposed letters are the same key; upper and lower case are not', () => {
  assert.equal(hashKey('Zo\u00eb'), hashKey('Zoe\u0308'));
  assert.notEqual(hashKey('acme'), hashKey('Acme'));
});

test('the parts of a composite key do not run into one another', () => {
  assert.notEqual(hashKey('ab', 'c'), hashKey('a', 'bc'));
});
