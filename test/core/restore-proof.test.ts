import assert from 'node:assert/strict';
import { test } from 'node:test';
import { provesBackup, weakestProof } from '../../lib/core/restore-proof.ts';

test('of several copies no more is said than holds for all', () => {
  assert.equal(weakestProof([{ proof: 'compared' }, { proof: 'loaded' }]), 'loaded');
  assert.equal(weakestProof([{ proof: 'unpacked' }, { proof: 'compared' }]), 'unpacked');
  assert.equal(weakestProof([{ proof: 'compared' }]), 'compared');
});

test('what has nothing to read back takes nothing from the others', () => {
  assert.equal(weakestProof([{}, { proof: 'compared' }]), 'compared');
  assert.equal(weakestProof([{}]), undefined);
});

test('a restore test believes what was read back, or of a cluster gone through, and nothing less', () => {
  assert.equal([undefined, 'compared' as const, 'examined' as const].every(provesBackup), true);
  assert.deepEqual((['loaded', 'recovered', 'unpacked'] as const).filter(provesBackup), []);
});
