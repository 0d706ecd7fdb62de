import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { matchesPattern } from '../../../lib/local/events/pattern.ts';
import type { LocalStack, StackEvent } from '../../../lib/local/local-stack.ts';
import { openToyStack, type ToyFolder, toyFolder } from '../toy-stack.ts';

let hook: Server;
let received: { readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[];
let hookStatus = 200;
let folder: ToyFolder;
let stack: LocalStack;
let events: StackEvent[];

before(async () => {
  received = [];
  hook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(hookStatus).end();
    });
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
  folder = toyFolder({ webhook: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/alerts` });
  ({ stack, events } = await openToyStack(folder));
});
after(async () => {
  await stack?.close();
  hook?.close();
  folder?.[Symbol.dispose]();
});

async function put(detailType: string, detail: object) {
  const { endpointUrl: endpoint, region, credentials } = stack;
  const answer = await new EventBridgeClient({ endpoint, region, credentials }).send(
    new PutEventsCommand({ Entries: [{ Source: 'toy', DetailType: detailType, Detail: JSON.stringify(detail) }] }),
  );
  await stack.topics.settle();
  return answer;
}

test('an event that a rule matches reaches the web hook and is shown for the e-mail', async () => {
  const answer = await put('Toy Failed', { why: 'it "broke"' });
  await put('Toy Mended', { why: 'nobody listens' });

  const notification = JSON.parse(received[0]?.body ?? '{}');
  const [message] = await stack.topics.messages();
  assert.equal(answer.FailedEntryCount, 0);
  assert.equal(received.length, 1);
  assert.equal(received[0]?.headers['x-amz-sns-message-type'], 'Notification');
  assert.equal(notification.Type, 'Notification');
  assert.equal(notification.TopicArn, 'arn:aws:sns:eu-central-1:000000000000:toy-topic');
  assert.equal(notification.Message, '"failed: it \\"broke\\""');
  assert.deepEqual(
    message?.deliveries.map(({ protocol, status, isDelivered }) => [protocol, status, isDelivered]),
    [
      ['email', 'shown here: the local stack sends no e-mail', true],
      ['http', 'answered with status 200', true],
    ],
  );
});

test('a web hook that is down is reported, and does not fail who published', async () => {
  hookStatus = 500;

  const answer = await put('Toy Failed', { why: 'again' });

  const warnings = events.filter((event) => event.kind === 'warning').map(({ text }) => text);
  assert.equal(answer.FailedEntryCount, 0);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^the message for 'http:.*\/alerts' was not delivered: answered with status 500$/);
});

test('the status page shows messages, escaped', async () => {
  await put('Toy Failed', { why: '<script>' });

  const page = await (await fetch(stack.statusUrl)).text();

  assert.ok(page.includes('failed: &lt;script&gt;'));
  assert.ok(!page.includes('<script>'));
});

test('patterns match as on the event bus', () => {
  const event = { source: 'holdfast', detail: { target: 'orders', seconds: 12, tags: ['a', 'b'] } };

  assert.equal(matchesPattern({ source: ['other', 'holdfast'] }, event), true);
  assert.equal(matchesPattern({ source: ['other'] }, event), false);
  assert.equal(matchesPattern({ detail: { target: [{ prefix: 'ord' }] } }, event), true);
  assert.equal(matchesPattern({ detail: { target: [{ 'anything-but': ['orders'] }] } }, event), false);
  assert.equal(matchesPattern({ detail: { seconds: [{ numeric: ['>', 10, '<=', 12] }] } }, event), true);
  assert.equal(matchesPattern({ detail: { tags: ['b'] } }, event), true);
  assert.equal(matchesPattern({ detail: { error: [{ exists: false }] } }, event), true);
  assert.equal(matchesPattern({ detail: { error: [{ exists: true }] } }, event), false);
  assert.equal(matchesPattern({ $or: [{ source: ['x'] }, { detail: { target: ['orders'] } }] }, event), true);
  assert.throws(() => matchesPattern({ source: [{ cidr: '10.0.0.0/8' }] }, event), {
    message: "event patterns: the matcher 'cidr' is not known here",
  });
});
