import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestSchema } from '../../lib/core/manifest.ts';
import { sealManifest, verifySeal } from '../../lib/keys/seal.ts';

const dataKey = Buffer.alloc(32, 7);
const unsealed = manifestSchema.omit({ seal: true }).parse({
  formatVersion: 1,
  backupId: '20261121T020000Z-9f3c2a1b',
  target: 'orders',
  engine: 'postgres',
  method: 'logical',
  tier: 'daily',
  tenant: null,
  parent: null,
  status: 'complete',
  beganAt: '2026-11-21T02:00:01.000Z',
  endedAt: '2026-11-21T02:03:00.000Z',
  scheduledTime: '2026-11-21T02:00:00.000Z',
  requestedBy: { kind: 'schedule' },
  writer: { holdfast: '0.1.0', image: 'local', execution: 'e', attempt: 'a1b2', fencingToken: 1 },
  source: { serverVersion: '17.2' },
  encryption: {
    algorithm: 'aes-256-gcm',
    wrappedKey: { provider: 'key-file', keyId: 'k1', ciphertext: 'AAAA' },
  },
  retention: { days: 7, until: '2026-11-28T02:00:00.000Z' },
  streams: [],
  plainBytes: 0,
  storedBytes: 0,
});

test('a seal holds for the manifest read back in another order of its keys', () => {
  const sealed = sealManifest(unsealed, dataKey);

  const reordered = Object.fromEntries(Object.entries(sealed).reverse());

  verifySeal(manifestSchema.parse(JSON.parse(JSON.stringify(reordered))), dataKey);
});

test('the seal is the documented one', () => {
  assert.equal(
    sealManifest(unsealed, dataKey).seal,
    '4c49a800e198eba5ad9a8a125b5b3ea33f42cc6835eba4e824d5738fe6f6b3e8',
  );
  assert.equal(sealManifest(unsealed, null).seal, 'ab0c54f737e55c37a74043d9bc7a8ae4bc019b0ffa8d4080f761bb224a1750c3');
});

test('a re-wrapped key leaves the seal whole', () => {
  const sealed = sealManifest(unsealed, dataKey);

  const rewrapped = {
    ...sealed,
    encryption: {
      ...sealed.encryption,
      wrappedKey: { provider: 'kms' as const, keyId: 'arn:aws:kms:x', ciphertext: 'BBBB' },
    },
  };

  verifySeal(rewrapped, dataKey);
});

for (const [what, change] of [
  ['a changed count', { plainBytes: 1 }],
  ['another status', { status: 'partial' }],
  ['a weaker algorithm', { encryption: { ...unsealed.encryption, algorithm: 'none' } }],
] as const) {
  test(`${what} breaks the seal`, () => {
    const altered = manifestSchema.parse({ ...sealManifest(unsealed, dataKey), ...change });

    assert.throws(() => verifySeal(altered, dataKey), { code: 'corrupt' });
  });
}

test("another backup's data key does not vouch for a manifest", () => {
  const sealed = sealManifest(unsealed, dataKey);

  assert.throws(() => verifySeal(sealed, Buffer.alloc(32, 8)), { code: 'corrupt' });
  assert.throws(() => verifySeal(sealed, null), { code: 'corrupt' });
});
