import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { KMSClient } from '@aws-sdk/client-kms';
import { promptClient } from '../../lib/config/prompt-client.ts';
import type { HoldfastError } from '../../lib/core/errors.ts';
import { newDataKey } from '../../lib/keys/data-key.ts';
import { kmsKeyProvider } from '../../lib/keys/kms-provider.ts';
import { kmsStandIn } from './kms-stand-in.ts';

const context = { target: 'orders', backupId: '20261121T020000Z-9f3c2a1b' };

test('a data key that KMS wrapped comes back, and the manifest names the key by its ARN', async () => {
  await using kms = await kmsStandIn();
  const provider = kmsKeyProvider({ client: kms.client, kmsKey: 'alias/holdfast' });
  const dataKey = newDataKey();

  const wrapped = await provider.wrap(dataKey, context);
  const unwrapped = await provider.unwrap(wrapped, context);

  assert.equal(wrapped.provider, 'kms');
  assert.equal(wrapped.keyId, 'arn:aws:kms:eu-central-1:111122223333:key/0f0f0f0f-1111-2222-3333-444444444444');
  assert.ok(unwrapped.equals(dataKey));
});

test('a data key that KMS wrapped for one backup does not open for another', async () => {
  await using kms = await kmsStandIn();
  const provider = kmsKeyProvider({ client: kms.client, kmsKey: kms.keyArn });
  const wrapped = await provider.wrap(newDataKey(), context);

  const unwrapping = provider.unwrap(wrapped, { ...context, target: 'billing' });

  await assert.rejects(unwrapping, { code: 'key-wrong' });
});

const refusals = [
  { status: 400, type: 'DisabledException', code: 'key-missing', hint: /aws kms enable-key --key-id 'arn:aws:kms:/ },
  { status: 400, type: 'KMSInvalidStateException', code: 'key-missing', hint: /cancel-key-deletion --key-id 'arn:/ },
  { status: 400, type: 'NotFoundException', code: 'key-missing', hint: /right account and region/ },
  { status: 400, type: 'AccessDeniedException', code: 'key-missing', hint: /kms:Encrypt and kms:Decrypt/ },
  { status: 400, type: 'InvalidCiphertextException', code: 'key-wrong', hint: /manifest altered/ },
  { status: 400, type: 'IncorrectKeyException', code: 'key-wrong', hint: /manifest altered/ },
  { status: 400, type: 'ThrottlingException', code: 'key-service-unavailable', hint: /KMS reachable/ },
  { status: 500, type: 'KMSInternalException', code: 'key-service-unavailable', hint: /KMS reachable/ },
  { status: 503, type: 'DependencyTimeoutException', code: 'key-service-unavailable', hint: /KMS reachable/ },
] as const;

for (const { status, type, code, hint } of refusals) {
  test(`KMS's ${type} is ${code}, with what to do`, async () => {
    await using kms = await kmsStandIn();
    const provider = kmsKeyProvider({ client: kms.client, kmsKey: kms.keyArn });
    const wrapped = await provider.wrap(newDataKey(), context);
    kms.fail = { status, type, message: 'from the service' };

    for (const call of [provider.wrap(newDataKey(), context), provider.unwrap(wrapped, context)]) {
      await assert.rejects(call, (error: HoldfastError) => {
        assert.equal(error.code, code);
        assert.match(error.hint, hint);
        return true;
      });
    }
  });
}

test('a KMS that cannot be reached is worth another try', async () => {
  await using kms = await kmsStandIn();
  const { credentials } = kms.client.config;
  const client = new KMSClient({ endpoint: 'http://127.0.0.1:1', region: 'eu-central-1', credentials, maxAttempts: 1 });

  const wrapping = kmsKeyProvider({ client, kmsKey: kms.keyArn }).wrap(newDataKey(), context);

  await assert.rejects(wrapping, { code: 'key-service-unavailable' });
});

test('a KMS that never answers is not waited for longer than its client may', { timeout: 10_000 }, async () => {
  await using kms = await kmsStandIn();
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  const client = new KMSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-central-1',
    credentials: kms.client.config.credentials,
    ...promptClient({ seconds: 0.1 }),
  });

  const wrapping = kmsKeyProvider({ client, kmsKey: kms.keyArn }).wrap(newDataKey(), context);

  await assert.rejects(wrapping, { code: 'key-service-unavailable' });
  mute.closeAllConnections();
  await new Promise((resolve) => mute.close(resolve));
});
