import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { partSizeOf, planParts } from '../../lib/core/part-plan.ts';
import { openS3Store } from '../../lib/store/s3-store.ts';
import type { ObjectInfo, Store } from '../../lib/store/store.ts';
import { read, rejects } from '../conformance/store/ask-store.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { type FaultProxy, faultProxy, share } from './fault-proxy.ts';

const mebibyte = 1024 ** 2;
const parts = planParts({ partBytes: 5 * mebibyte });
const content = randomBytes(14 * mebibyte);

suite('a store behind a bad network', () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let store: Store;
  before(async () => {
    server = await minioServer();
    proxy = await faultProxy(server.endpoint);
    const { accessKeyId, secretAccessKey, region } = server;
    store = openS3Store(
      {
        bucket: await server.newBucket(),
        endpoint: proxy.endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      },
      { stallSeconds: 0.3 },
    );
  });
  after(async () => {
    await store?.close();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  for (const [percent, status, code] of [
    [1, 503, 'SlowDown'],
    [20, 503, 'SlowDown'],
    [20, 500, 'InternalError'],
    [20, 429, 'TooManyRequests'],
  ] as const) {
    test(`uploads succeed when ${percent} % of the requests are answered with ${status}`, async () => {
      const isHit = share(percent / 100);
      proxy.inject(() => (isHit() ? { kind: 'answer', status, code } : undefined));

      for (let i = 0; i < 4; i += 1) await upload(store, `flaky-${percent}-${status}/${i}`);

      const injected = proxy.injected;
      proxy.inject(() => undefined);
      if (percent === 20) assert.ok(injected > 3, `${injected} were hit`);
      for (let i = 0; i < 4; i += 1) assert.ok((await read(store, `flaky-${percent}-${status}/${i}`)).equals(content));
    });
  }

  test('a server that answers nothing but 503 is unavailable, which may be tried again', async () => {
    const impatient = openS3Store(
      { bucket: 'any', endpoint: proxy.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: keys },
      { maxAttempts: 2 },
    );
    proxy.inject(() => ({ kind: 'answer', status: 503, code: 'SlowDown' }));

    await rejects(impatient.put('x', Buffer.from('x')), 'store-unavailable');
    await rejects(impatient.beginUpload('x'), 'store-unavailable');
    await rejects(impatient.head('x'), 'store-unavailable');
    await impatient.close();
  });

  test('a body that stalls is read on over another connection', async () => {
    proxy.inject(() => undefined);
    await upload(store, 'stalled');
    proxy.inject(({ operation, index }) =>
      operation === 'GetObject' && index < 3 ? { kind: 'stall', afterBytes: 3_000_001 } : undefined,
    );

    assert.ok((await read(store, 'stalled')).equals(content));
    assert.equal(proxy.injected, 3);
  });

  test('a body that is cut off is read on over another connection, within its range', async () => {
    proxy.inject(() => undefined);
    await upload(store, 'cut');
    proxy.inject(({ operation, index }) =>
      operation === 'GetObject' && index < 2 ? { kind: 'cut', afterBytes: 1_000_000, side: 'answer' } : undefined,
    );

    const piece = await read(store, 'cut', { start: 1_000_003, end: 9_000_007 });

    assert.ok(piece.equals(content.subarray(1_000_003, 9_000_007)));
    assert.equal(proxy.injected, 2);
  });

  test('a body that keeps ending early is an error, never a short object', async () => {
    proxy.inject(() => undefined);
    await upload(store, 'short');
    proxy.inject(({ operation }) => (operation === 'GetObject' ? { kind: 'truncate', toBytes: 0 } : undefined));

    await rejects(read(store, 'short', { start: 0, end: 5_000_000 }), 'store-unavailable');
    proxy.inject(() => undefined);
  });

  test('an object that was replaced while it was read is an error, never a mixture', async () => {
    proxy.inject(() => undefined);
    await upload(store, 'replaced');
    proxy.inject(({ operation, index }) =>
      operation === 'GetObject' && index === 0 ? { kind: 'cut', afterBytes: 100_000, side: 'answer' } : undefined,
    );
    const { body } = await store.get('replaced');
    await store.put('replaced', Buffer.alloc(content.length));

    await assert.rejects(async () => {
      for await (const chunk of body) assert.ok(chunk.length > 0);
    }, /was replaced/);
  });

  for (const [status, code, hint] of [
    [400, 'ExpiredToken', /renew/],
    [403, 'AccessDenied', /may this role/],
  ] as const) {
    test(`an upload that meets ${code} halfway is denied with a hint, and leaves nothing`, async () => {
      proxy.inject(({ operation, index }) =>
        operation === 'UploadPart' && index >= 2 ? { kind: 'answer', status, code } : undefined,
      );

      await assert.rejects(upload(store, `denied-${code}`), (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, 'store-denied');
        assert.match(error.hint, hint);
        return true;
      });
      assert.equal(await store.head(`denied-${code}`), undefined);
    });
  }

  test('a connection that breaks in the middle of a part costs that part only', async () => {
    proxy.inject(({ operation, index }) =>
      operation === 'UploadPart' && index < 2 ? { kind: 'cut', afterBytes: 1_500_000, side: 'request' } : undefined,
    );

    await upload(store, 'broken-part');

    assert.equal(proxy.injected, 2);
    assert.ok((await read(store, 'broken-part')).equals(content));
  });

  test('a part with a flipped bit is refused by the server and sent again', async () => {
    proxy.inject(({ operation, index }) =>
      operation === 'UploadPart' && index < 2 ? { kind: 'flip', atByte: 2_000_000, side: 'request' } : undefined,
    );

    await upload(store, 'flipped');

    assert.equal(proxy.injected, 2);
    assert.ok((await read(store, 'flipped')).equals(content));
  });

  test('a completion answered with 200 OK around an error is repeated', async () => {
    proxy.inject(({ operation, index }) =>
      operation === 'CompleteMultipartUpload' && index < 3
        ? { kind: 'ok-with-error', code: 'InternalError' }
        : undefined,
    );

    const info = await upload(store, 'ok-with-error');

    assert.equal(proxy.injected, 3);
    assert.equal(info.sizeBytes, content.length);
    assert.ok((await read(store, 'ok-with-error')).equals(content));
  });

  test('a completion that always gives 200 OK around an error fails, and nothing is visible', async () => {
    proxy.inject(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? { kind: 'ok-with-error', code: 'AccessDenied' } : undefined,
    );

    await rejects(upload(store, 'never'), 'store-denied');

    assert.equal(await store.head('never'), undefined);
  });

  test('a completion whose reply is lost is found to have happened', async () => {
    proxy.inject(({ operation, index }) =>
      operation === 'CompleteMultipartUpload' && index === 0 ? { kind: 'lose-reply' } : undefined,
    );

    const info = await upload(store, 'lost-complete');

    assert.equal(proxy.injected, 1);
    assert.equal(info.sizeBytes, content.length);
    assert.ok((await read(store, 'lost-complete')).equals(content));
  });

  test('a conditional put whose reply is lost is known to be our own', async () => {
    proxy.inject(({ method, index }) => (method === 'PUT' && index === 0 ? { kind: 'lose-reply' } : undefined));
    const first = await store.put('lost-put', Buffer.from('first'), { condition: 'absent' });
    proxy.inject(({ method, index }) => (method === 'PUT' && index === 0 ? { kind: 'lose-reply' } : undefined));
    const second = await store.put('lost-put', Buffer.from('second'), { condition: { etag: first.etag } });

    assert.equal(proxy.injected, 1);
    assert.equal(second.etag, (await store.head('lost-put'))?.etag);
    assert.equal(String(await read(store, 'lost-put')), 'second');
    proxy.inject(() => undefined);
    await rejects(store.put('lost-put', Buffer.from('third'), { condition: 'absent' }), 'already-exists');
  });
});

const keys = { accessKeyId: 'any', secretAccessKey: 'any-secret' };

/** Uploads `content` in parts, all of them in flight at once, and aborts when something fails. */
async function upload(store: Store, key: string): Promise<ObjectInfo> {
  const upload = await store.beginUpload(key, { condition: 'absent', parts });
  try {
    const writing: Promise<void>[] = [];
    for (let start = 0, n = 1; start < content.length; n += 1) {
      const end = start + partSizeOf(n, parts);
      writing.push(upload.writePart(n, content.subarray(start, end)));
      start = end;
    }
    await Promise.all(writing);
    return await upload.complete();
  } catch (error) {
    await upload.abort();
    throw error;
  }
}
