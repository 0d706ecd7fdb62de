import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { planParts } from '../../lib/core/part-plan.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { s3Error } from '../../lib/store/s3-errors.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import type { Store } from '../../lib/store/store.ts';
import { read, rejects } from '../conformance/store/ask-store.ts';
import { minioServer, type S3Server, versitygwServer } from '../servers/s3.ts';

for (const [name, startServer] of [
  ['MinIO', minioServer],
  ['versitygw', versitygwServer],
] as const) {
  suite(`S3 store: ${name}`, () => {
    let server: S3Server;
    let bucket: string;
    const settings = (): Parameters<typeof openS3Store>[0] => ({
      bucket,
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
    });
    before(async () => {
      server = await startServer();
      bucket = await server.newBucket();
    });
    after(async () => await server?.[Symbol.asyncDispose]());

    test('a bucket that does not exist is a mistake in the configuration, which names it', async () => {
      const store = openS3Store({ ...settings(), bucket: 'holdfast-nowhere', prefix: 'p/' });

      for (const attempt of [() => store.put('a', Buffer.from('x')), () => store.get('a'), () => listAll(store)]) {
        await assert.rejects(attempt(), (error) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, 'config-invalid', error.message);
          assert.match(error.message, /'s3:\/\/holdfast-nowhere\/p'/);
          assert.match(error.hint, /store\.bucket/);
          return true;
        });
      }
    });

    test('a wrong secret and a wrong key are denials with a hint, and never shown', async () => {
      for (const credentials of [
        { accessKeyId: server.accessKeyId, secretAccessKey: 'wrong-secret' },
        { accessKeyId: 'wrong-key', secretAccessKey: server.secretAccessKey },
      ]) {
        const store = openS3Store({ ...settings(), credentials });

        await assert.rejects(store.put('a', Buffer.from('x')), (error) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, 'store-denied', error.message);
          assert.match(error.hint, /access key and secret/);
          assert.ok(!error.message.includes(credentials.secretAccessKey));
          return true;
        });
        await rejects(store.get('a'), 'store-denied');
        await rejects(store.beginUpload('a'), 'store-denied');
      }
    });

    test('bodies that are not signed, as over TLS, are accepted and still checked', async () => {
      const store = openS3Store(settings(), { signPayload: false });
      const body = Buffer.alloc(300_000, 'unsigned ');

      await store.put('unsigned', body);
      const upload = await store.beginUpload('unsigned-parts');
      await upload.writePart(1, body);
      await upload.complete();

      assert.ok((await read(store, 'unsigned')).equals(body));
      assert.ok((await read(store, 'unsigned-parts')).equals(body));
    });

    test('two prefixes of one bucket are two stores', async () => {
      const left = openS3Store({ ...settings(), prefix: 'left' });
      const right = openS3Store({ ...settings(), prefix: '/right/' });

      await left.put('a', Buffer.from('left'));
      await right.put('a', Buffer.from('right'));

      assert.equal(left.url, `s3://${bucket}/left`);
      assert.equal(right.url, `s3://${bucket}/right`);
      assert.equal(String(await read(left, 'a')), 'left');
      assert.deepEqual(await listAll(right), ['a']);
    });

    test('parts that S3 would refuse at the end are refused at the beginning', async () => {
      const store = openS3Store(settings());

      await rejects(store.beginUpload('a', { parts: planParts({ partBytes: 5_242_879 }) }), 'config-invalid');
    });

    test('what was acknowledged is there after the server was killed, and the upload goes on', async () => {
      const store = openS3Store(settings());
      await store.put('acknowledged', Buffer.from('x'));
      const upload = await store.beginUpload('survivor', { parts: planParts({ partBytes: 5 * 1024 ** 2 }) });
      await upload.writePart(1, Buffer.alloc(5 * 1024 ** 2, 1));

      await server.kill();
      await server.start();
      await upload.writePart(2, Buffer.from('end'));
      const info = await upload.complete();

      assert.equal(info.sizeBytes, 5_242_883);
      assert.equal(String(await read(store, 'acknowledged')), 'x');
    });
  });
}

test('a server that nobody can reach is unavailable', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  const store = openS3Store({ ...anywhere, endpoint: `http://127.0.0.1:${port}` }, { maxAttempts: 2 });

  await assert.rejects(store.put('a', Buffer.from('x')), (error) => {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, 'store-unavailable');
    assert.equal(error.retryable, true);
    assert.equal(error.message, "cannot write 'a' in 's3://some-bucket': ECONNREFUSED");
    return true;
  });
});

test('a server that accepts connections and never answers is given up', async () => {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;

  const idle = openS3Store({ ...anywhere, endpoint }, { maxAttempts: 1, idleTimeoutSeconds: 0.2 });
  await rejects(idle.put('a', Buffer.from('x')), 'store-unavailable');
  const late = openS3Store({ ...anywhere, endpoint }, { maxAttempts: 1, requestTimeoutSeconds: 0.2 });
  await rejects(late.get('a'), 'store-unavailable');

  for (const socket of sockets) socket.destroy();
  listener.close();
});

test('a request that is under way ends when it is cancelled', async () => {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const store = openS3Store({ ...anywhere, endpoint: `http://127.0.0.1:${port}` });
  const controller = new AbortController();

  const putting = store.put('a', Buffer.from('x'), { signal: controller.signal });
  await once(listener, 'connection');
  controller.abort();

  await rejects(putting, 'stopped');
  for (const socket of sockets) socket.destroy();
  listener.close();
});

test('a store without a bucket is a mistake in the configuration', async () => {
  await rejects(openStore({ kind: 's3' }), 'config-invalid');
});

test('errors of S3 become ours by their names, and else by their status', () => {
  const coded = (name: string, status: number): string =>
    s3Error(Object.assign(new Error('m'), { name, $metadata: { httpStatusCode: status } }), 'read', 's3://b').code;

  assert.equal(coded('NoSuchBucket', 404), 'config-invalid');
  assert.equal(coded('PermanentRedirect', 301), 'config-invalid');
  assert.equal(coded('NoSuchKey', 404), 'object-missing');
  assert.equal(coded('NotFound', 404), 'object-missing');
  assert.equal(coded('Unknown', 404), 'config-invalid');
  assert.equal(coded('PreconditionFailed', 412), 'already-exists');
  assert.equal(coded('ConditionalRequestConflict', 409), 'already-exists');
  assert.equal(coded('AccessDenied', 403), 'store-denied');
  assert.equal(coded('403', 403), 'store-denied');
  assert.equal(coded('ExpiredToken', 400), 'store-denied');
  assert.equal(coded('Unknown', 400), 'store-denied');
  assert.equal(coded('RequestTimeTooSkewed', 403), 'store-denied');
  assert.equal(coded('SlowDown', 503), 'store-unavailable');
  assert.equal(coded('Unknown', 500), 'store-unavailable');
  assert.equal(coded('Unknown', 429), 'store-unavailable');
  assert.equal(coded('RequestTimeout', 400), 'store-unavailable');
  assert.equal(coded('XMinioStorageFull', 507), 'disk-full');
  assert.equal(coded('InvalidArgument', 400), 'internal');
  const reset = Object.assign(new Error('m'), { code: 'ECONNRESET' });
  assert.equal(s3Error(reset, 'read', 's3://b').code, 'store-unavailable');
  const none = Object.assign(new Error('m'), { name: 'CredentialsProviderError' });
  assert.match(s3Error(none, 'read', 's3://b').hint, /AWS_PROFILE/);
  assert.equal(s3Error(new TypeError('a bug'), 'read', 's3://b').code, 'internal');
});

const anywhere = {
  bucket: 'some-bucket',
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any-secret' },
} as const;

async function listAll(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}
