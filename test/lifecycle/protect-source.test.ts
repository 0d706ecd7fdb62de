import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protectSource } from '../../lib/lifecycle/protect-source.ts';

test('replacing the databases that a backup was taken from needs their target to be named', () => {
  assert.throws(() => protectSource({ replace: true }, 'orders'), { name: 'target-protected', hint: /--into orders/ });

  protectSource({ replace: true, into: 'orders' }, 'orders');
  protectSource({ replace: true, as: 'orders_copy' }, 'orders');
  protectSource({}, 'orders');
});
