import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { LocalStack } from '../../lib/local/stack.ts';
import { openToyStack, type ToyFolder, toyConfig, toyFolder } from './toy-stack.ts';

let folder: ToyFolder;
let stack: LocalStack;

before(async () => {
  folder = toyFolder();
  process.env['AWS_ACCESS_KEY_ID'] = 'MINE';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'of this machine';
  const store = { kind: 's3', bucket: 'toys', prefix: '', forcePathStyle: false } as const;
  ({ stack } = await openToyStack(folder, { config: { ...toyConfig, store } }));
});
after(async () => {
  await stack?.close();
  folder?.[Symbol.dispose]();
});

test("with a real S3 store programs keep the machine's credentials, and the endpoint knows them by a token", async () => {
  const { endpointUrl, region, credentials } = stack;
  const lambda = new LambdaClient({ endpoint: endpointUrl, region, credentials });
  const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: 'toy-greet', Payload: '{"name":"Ada"}' }));
  const { accessKeyId, endpoint } = JSON.parse(Buffer.from(Payload ?? []).toString());
  const own = { accessKeyId: 'MINE', secretAccessKey: 'of this machine' };
  const event = { Entries: [{ Source: 'toy', DetailType: 'Any', Detail: '{}' }] };
  const put = (url: string) =>
    new EventBridgeClient({ endpoint: url, region, credentials: own, maxAttempts: 1 }).send(
      new PutEventsCommand(event),
    );

  const answer = await put(endpoint);

  const last = (await stack.calls.read()).at(-1);
  assert.equal(accessKeyId, 'MINE');
  assert.match(endpoint, /\/as\/[0-9a-f]{40}$/);
  assert.equal(answer.FailedEntryCount, 0);
  assert.deepEqual([last?.caller.name, last?.action], ['toy-greet', 'events:PutEvents']);
  await assert.rejects(put(`${endpointUrl}/as/${'0'.repeat(40)}`), { name: 'UnrecognizedClientException' });
  await assert.rejects(put(endpointUrl), { name: 'UnrecognizedClientException' });
});
