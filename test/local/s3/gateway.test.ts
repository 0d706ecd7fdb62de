import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { HoldfastError } from '../../../lib/core/errors.ts';
import { planParts } from '../../../lib/core/part-plan.ts';
import { openS3Store } from '../../../lib/store/s3-store.ts';
import { minioServer } from '../../servers/s3.ts';
import { behindGateway, type GatedServer, gatedRole } from './behind-gateway.ts';

const parts = planParts({ partBytes: 5 * 1024 ** 2 });

suite("the local stack's S3 gateway", () => {
  let server: GatedServer;
  let bucket: string;
  before(async () => {
    server = await behindGateway(minioServer);
    bucket = await server.newBucket();
  });
  after(async () => await server?.[Symbol.asyncDispose]());

  const store = (credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } = server) =>
    openS3Store({ bucket, endpoint: server.endpoint, region: server.region, credentials }, { maxAttempts: 1 });

  test('what goes through is recorded under its caller, parts of one object once', async () => {
    const upload = await store().beginUpload('backups/big', { condition: 'absent', tags: { a: 'b' }, parts });
    for (const part of [1, 2, 3]) await upload.writePart(part, randomBytes(5 * 1024 ** 2));
    await upload.complete();
    assert.equal(await store().head('backups/absent'), undefined);

    const calls = await server.calls.read();

    const resource = `arn:aws:s3:::${bucket}/backups/big`;
    const tags = { 's3:RequestObjectTagKeys': ['a'], 's3:RequestObjectTag/a': 'b' };
    assert.deepEqual(
      calls.map(({ action, resource, context }) => [action, resource, context]),
      [
        ['s3:PutObject', resource, { 's3:ObjectCreationOperation': 'false', ...tags }],
        ['s3:PutObjectTagging', resource, tags],
        ['s3:PutObject', resource, { 's3:ObjectCreationOperation': 'false' }],
        ['s3:PutObject', resource, { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' }],
        ['s3:GetObject', resource, {}],
        ['s3:GetObject', `arn:aws:s3:::${bucket}/backups/absent`, {}],
        ['s3:ListBucket', `arn:aws:s3:::${bucket}`, {}],
      ],
    );
    assert.deepEqual([...new Set(calls.map(({ caller }) => caller.roleArn))], [gatedRole]);
  });

  test('credentials of nobody, a wrong secret and withdrawn ones are refused, and nothing reaches the server', async () => {
    const withdrawn = server.identities.issue({ kind: 'task', name: 'gone', roleArn: gatedRole });
    server.identities.withdraw(withdrawn);

    for (const credentials of [
      { accessKeyId: 'NOBODY', secretAccessKey: server.secretAccessKey },
      { accessKeyId: server.accessKeyId, secretAccessKey: 'wrong' },
      withdrawn,
    ])
      await assert.rejects(store(credentials).put('journal/x', Buffer.from('x')), (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.equal(error.code, 'store-denied', error.message);
        return true;
      });
    assert.equal(await store().head('journal/x'), undefined);
  });

  test('an operation that no program needs is refused', async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const client = new S3Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });

    await assert.rejects(client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: '{}' })), {
      name: 'NotImplemented',
    });
    client.destroy();
  });

  test('a server that is away is what S3 calls unavailable, until it is back', async () => {
    await server.stop();

    await assert.rejects(store().put('journal/y', Buffer.from('y')), (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, 'store-unavailable', error.message);
      return true;
    });
    await server.start();
    await store().put('journal/y', Buffer.from('y'));
  });
});
