import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { NodeIdentities } from '../../../../lib/engines/neo4j/content/node-identities.ts';

test('identities are kept whether their page is in memory or on disk, and no file stays', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-identities-'));
  try {
    using identities = new NodeIdentities({ folder, mostPages: 2 });
    const numbers = [0, 1, 511, 512, 5_000_000, 70_000, 3, 2 ** 40];
    for (const [index, number] of numbers.entries()) identities.set(number, BigInt(index + 1));
    identities.set(0, 99n);

    assert.deepEqual(
      numbers.map((number) => identities.get(number)),
      [99n, 2n, 3n, 4n, 5n, 6n, 7n, 8n],
    );
    assert.equal(identities.get(2), undefined);
    assert.equal(identities.get(123_456_789), undefined);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('an identity of zero is one all the same', () => {
  using identities = new NodeIdentities({ folder: tmpdir() });

  identities.set(7, 0n);

  assert.equal(identities.get(7), 1n);
});
