import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { partSizeOf, planParts } from '../../lib/core/part-plan.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import type { Store } from '../../lib/store/store.ts';
import { read } from '../conformance/store/ask-store.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { type FaultProxy, faultProxy } from './fault-proxy.ts';

const mebibyte = 1024 ** 2;

let server: S3Server;
let proxy: FaultProxy;
let store: Store;
before(async () => {
  server = await minioServer();
  proxy = await faultProxy(server.endpoint);
  const { accessKeyId, secretAccessKey, region } = server;
  store = openS3Store({
    bucket: await server.newBucket(),
    endpoint: proxy.endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
});
after(async () => {
  await store?.close();
  await proxy?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test('an object in parts that grow, because their number is limited, is put together by the server as it was', async () => {
  const parts = planParts({ partBytes: 5 * mebibyte, objectBytes: 64 * mebibyte, maxParts: 10 });
  const content = randomBytes(63 * mebibyte);
  const upload = await store.beginUpload('growing', { parts });
  const sizes: number[] = [];
  for (let start = 0, n = 1; start < content.length; n += 1) {
    const end = Math.min(content.length, start + partSizeOf(n, parts));
    await upload.writePart(n, content.subarray(start, end));
    sizes.push(end - start);
    start = end;
  }

  await upload.complete();

  assert.equal(sizes.length, 10);
  assert.ok((sizes[8] ?? 0) > (sizes[0] ?? 0), sizes.join(', '));
  assert.ok((await read(store, 'growing')).equals(content));
});

for (const [status, code] of [
  [400, 'TooManyParts'],
  [400, 'InvalidArgument'],
] as const) {
  test(`a store that allows 1,000 parts and says ${code} is told which setting makes fewer`, async () => {
    const parts = planParts({ partBytes: 5 * mebibyte, objectBytes: 16 * 1024 * mebibyte });
    const upload = await store.beginUpload(`many-${code}`, { parts });
    proxy.inject(({ operation }) => (operation === 'UploadPart' ? { kind: 'answer', status, code } : undefined));

    await assert.rejects(upload.writePart(1001, randomBytes(5 * mebibyte)), (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, 'config-invalid');
      assert.match(error.message, /part 1001 of 'many-/);
      assert.match(error.hint, /this store allows fewer parts to an object: lower run\.objectBytes/);
      return true;
    });

    proxy.inject(() => undefined);
    await upload.abort();
  });
}
