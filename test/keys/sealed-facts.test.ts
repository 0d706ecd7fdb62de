import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFacts, sealFacts } from '../../lib/keys/sealed-facts.ts';

const dataKey = Buffer.alloc(32, 5);
const context = { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b', stream: 'db-orders' };
const facts = { settings: [{ role: null, name: 'app.jwt_secret', value: 'TOPSECRET' }], comment: 'the pin is 1234' };

test('sealed facts come back as they were, and say nothing meanwhile', () => {
  const sealed = sealFacts(facts, dataKey, context);

  assert.deepEqual(openFacts(sealed, dataKey, context), facts);
  assert.doesNotMatch(Buffer.from(sealed, 'base64').toString('latin1'), /TOPSECRET|jwt|1234/);
});

test('sealed facts that were altered, moved or sealed under another key are refused', () => {
  const sealed = sealFacts(facts, dataKey, context);
  const altered = Buffer.from(sealed, 'base64');
  altered.writeUInt8(altered.readUInt8(20) ^ 1, 20);

  assert.throws(() => openFacts(altered.toString('base64'), dataKey, context), { name: 'corrupt' });
  assert.throws(() => openFacts(sealed, dataKey, { ...context, stream: 'db-other' }), { name: 'corrupt' });
  assert.throws(() => openFacts(sealed, Buffer.alloc(32, 6), context), { name: 'corrupt' });
  assert.throws(() => openFacts('AAAA', dataKey, context), { name: 'corrupt' });
});
