import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesCanary, secretText, sightings, textCanary } from './canaries.ts';

const found = (canary: ReturnType<typeof textCanary>, content: string): string[] =>
  sightings([canary], [{ where: 'log', content: Buffer.from(content) }]);

test('a secret is found in every encoding, wherever it stands', () => {
  const secret = secretText('password');
  const canary = textCanary('password', secret);

  for (const text of [
    secret,
    JSON.stringify({ secret: JSON.stringify({ secret }) }),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('hex').toUpperCase(),
    ...['', 'a', 'ab', 'abc'].map((before) => Buffer.from(`${before}${secret} after`).toString('base64')),
    Buffer.from(`ab${secret}`).toString('base64url'),
  ])
    assert.equal(found(canary, `before ${text} after`).length, 1, text);
  assert.deepEqual(found(canary, secretText('password')), []);
});

test('a key is found as bytes and as text', () => {
  const key = Buffer.from('00ff10e0'.repeat(8), 'hex');
  const canary = bytesCanary('key', key);

  assert.equal(sightings([canary], [{ where: 'file', content: Buffer.concat([Buffer.alloc(7), key]) }]).length, 1);
  assert.deepEqual(found(canary, `{"key":"${key.toString('base64')}"}`), ['log: key (base64)']);
  assert.deepEqual(found(canary, 'no key'), []);
});
