import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesOfTablespaces } from '../../../../lib/engines/postgres/recover/tablespaces.ts';

const tablespaces = [
  { oid: '16400', location: '/mnt/fast' },
  { oid: '16401', location: '/mnt/slow' },
];
const placed = (folders: { from: string; to: string }[]) => placesOfTablespaces({ tablespaces }, '/restored', folders);

test('tablespaces go where they are told to, and beside the data directory otherwise', () => {
  assert.deepEqual(placed([{ from: '/mnt/fast', to: '/new/fast' }]), [
    { oid: '16400', location: '/new/fast' },
    { oid: '16401', location: '/restored-tablespaces/16401' },
  ]);
});

test('a place within another folder of the cluster is refused', () => {
  for (const to of ['/restored/fast', '/restored', '/restored-tablespaces/16401/fast'])
    assert.throws(() => placed([{ from: '16400', to }]), { code: 'usage' }, to);
  assert.throws(() => placed([{ from: '16400', to: '/restored/fast' }]), { message: /lies within another folder/ });
});
