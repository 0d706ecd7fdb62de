import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WrappedKey } from '../../lib/core/manifest.ts';
import { kmsOperations, localKeysFolder } from '../../lib/local/endpoint/kms.ts';
import { isLocalKey, localKeyProvider } from '../../lib/local/local-key-provider.ts';

const id = 'b0e96dd7-90ed-db77-edd7-6b99ce837ed8';
const keyId = `arn:aws:kms:eu-central-1:000000000000:key/${id}`;
const context = { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b' };
const dataKey = Buffer.alloc(32, 9);

/** A state folder, and the data key as a task of its stack wraps it. */
async function withWrapped(use: (folder: string, wrapped: WrappedKey) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-local-key-'));
  try {
    const { Encrypt } = kmsOperations([{ id, arn: keyId, aliases: [] }], folder);
    const caller = { kind: 'task', name: 'backup', roleArn: 'arn:aws:iam::000000000000:role/backup' } as const;
    const answer = await Encrypt?.run(
      { KeyId: keyId, Plaintext: dataKey.toString('base64'), EncryptionContext: context },
      caller,
    );
    const { CiphertextBlob: ciphertext } = answer as { CiphertextBlob: string };
    await use(folder, { provider: 'kms', keyId, ciphertext });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('what the stack has wrapped is opened from its key files, without the stack', async () => {
  await withWrapped(async (folder, wrapped) => {
    assert.deepEqual(await localKeyProvider(folder).unwrap(wrapped, context), dataKey);
  });
});

test('a lost key file is told as lost, and no new one is made', async () => {
  await withWrapped(async (folder, wrapped) => {
    rmSync(join(localKeysFolder(folder), `${id}.key`));

    await assert.rejects(localKeyProvider(folder).unwrap(wrapped, context), { code: 'key-missing' });
    assert.deepEqual(readdirSync(localKeysFolder(folder)), []);
  });
});

test("another stack's key, and the key of another backup, open nothing", async () => {
  await withWrapped(async (folder, wrapped) => {
    const other = { ...context, backupId: '20261122T020000Z-9f3c2a1b' };
    await assert.rejects(localKeyProvider(folder).unwrap(wrapped, other), { code: 'key-wrong' });
    await withWrapped(async (otherFolder) => {
      await assert.rejects(localKeyProvider(otherFolder).unwrap(wrapped, context), { code: 'key-wrong' });
    });
  });
});

test('only keys of the local account are local', () => {
  assert.equal(isLocalKey({ provider: 'kms', keyId, ciphertext: '' }), true);
  assert.equal(
    isLocalKey({ provider: 'kms', keyId: keyId.replace('000000000000', '111122223333'), ciphertext: '' }),
    false,
  );
  assert.equal(isLocalKey({ provider: 'key-file', keyId: 'a21299bb', ciphertext: '' }), false);
});
