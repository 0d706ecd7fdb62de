import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { withVaultBucket } from '../../lib/cli/vault-bucket.ts';
import { parseConfig } from '../../lib/config/load.ts';

const config = (store: string) =>
  parseConfig(
    `store: ${store}
encryption: { keys: none }
aws: { name: acme }
targets:
  - { name: orders, engine: postgres, connection: { host: db.internal, user: backup } }
`,
    { file: 'holdfast.yaml', directory: '/', environment: {} },
  );

/** CloudFormation as far as it says what stack 'acme-vault' has for outputs: the service has no local server. */
async function cloudFormation(outputs: string): Promise<AsyncDisposable & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(new URLSearchParams(body).get('StackName') ?? '');
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(
      `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
       <StackName>acme-vault</StackName><CreationTime>2026-11-21T02:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>
       <Outputs>${outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      delete process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'];
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const output = (key: string, value: string) =>
  `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`;

test("a store that names no bucket is in the one that the installation's Vault stack made", async () => {
  await using aws = await cloudFormation(output('KeyArn', 'arn:aws:kms:x') + output('BucketName', 'acme-vault-1x2y3z'));

  const { store } = await withVaultBucket(config('{ kind: s3, region: eu-central-1 }'), {});

  assert.equal(store.kind === 's3' && store.bucket, 'acme-vault-1x2y3z');
  assert.deepEqual(aws.asked, ['acme-vault']);
});

test('a stack that does not say its bucket is named, with the variable that says it instead', async () => {
  await using _ = await cloudFormation(output('KeyArn', 'arn:aws:kms:x'));

  await assert.rejects(withVaultBucket(config('{ kind: s3 }'), {}), {
    code: 'config-invalid',
    message: "the stack 'acme-vault' in 'eu-central-1' does not say its bucket: it has no output BucketName",
    hint: "deploy it ('npx cdk deploy --all'), or name the bucket in HOLDFAST_BUCKET",
  });
});

test('nobody is asked for a bucket that is known', async () => {
  await using aws = await cloudFormation(output('BucketName', 'another'));

  const named = await withVaultBucket(config('{ kind: s3, bucket: my-vault }'), {});
  const said = await withVaultBucket(config('{ kind: s3 }'), { HOLDFAST_BUCKET: 'kept-vault' });
  const folder = await withVaultBucket(config('{ kind: file, path: ./vault }'), {});

  assert.equal(named.store.kind === 's3' && named.store.bucket, 'my-vault');
  assert.equal(said.store.kind === 's3' && said.store.bucket, 'kept-vault');
  assert.equal(folder.store.kind, 'file');
  assert.deepEqual(aws.asked, []);
});
