import assert from 'node:assert/strict';
import { test } from 'node:test';
import { weakestProof } from '../../lib/core/restore-proof.ts';

test('of several copies no more is said than holds for all', () => {
  assert.equal(weakestProof(['compared', 'examined']), 'examined');
  assert.equal(weakestProof(['unpacked', 'compared']), 'unpacked');
  assert.equal(weakestProof(['compared']), 'compared');
});
