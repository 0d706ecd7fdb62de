import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamRecord } from '../../../../lib/core/manifest.ts';
import { parentBytes } from '../../../../lib/engines/postgres/recover/unpack-backup.ts';
import type { Archive } from '../../../../lib/engines/postgres/recover/unpack-cluster.ts';

const archive = (plainBytes: number): Archive => ({
  record: { plainBytes } as StreamRecord,
  open: () => {
    throw new Error('nothing is read');
  },
});

test('a chain is as large as all that it is made of, tablespaces too', () => {
  const base = { cluster: archive(1000), tablespaces: [archive(500)] };
  const incremental = { cluster: archive(10), tablespaces: [archive(5)] };

  assert.equal(parentBytes([base]), 0);
  assert.equal(parentBytes([base, incremental, incremental]), 1515);
});
