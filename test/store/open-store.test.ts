import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openStore } from '../../lib/store/open-store.ts';

test('a server that never answers is given up as soon as whoever opened the store said', {
  timeout: 10_000,
}, async () => {
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const store = await openStore(
    {
      kind: 's3',
      bucket: 'vault',
      region: 'local',
      endpoint: `http://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    { idleTimeoutSeconds: 0.1, maxAttempts: 2 },
  );

  await assert.rejects(store.head('leases/orders/logical.json'), { code: 'store-unavailable' });

  await store.close();
  mute.closeAllConnections();
  await new Promise((resolve) => mute.close(resolve));
});
