import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SNSClient } from '@aws-sdk/client-sns';
import { CallLog } from '../../lib/local/call-log.ts';
import { openEndpoint } from '../../lib/local/endpoint/endpoint.ts';
import { snsOperations } from '../../lib/local/endpoint/other-services.ts';
import { Topics } from '../../lib/local/events/topics.ts';
import { Identities } from '../../lib/local/identities.ts';

/** A web server that takes what a webhook is posted, or answers with the status that it is told to. */
export async function webhookServer() {
  const texts: string[] = [];
  const answer = { status: 200 };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as { text: string };
    if (answer.status === 200) texts.push(body.text);
    response.writeHead(answer.status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/B0/secret`,
    answer,
    /** The first line of everything that came since this was called last. */
    news: (): string[] => texts.splice(0).map((message) => message.split('\n')[0] ?? ''),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const mailTopic = 'arn:aws:sns:local:000000000000:mails';

/** The local stack's SNS, with one address that gets mail. */
export async function mailService() {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mail-'));
  const identities = new Identities();
  const topics = new Topics({
    model: {
      topics: [{ name: 'mails', arn: mailTopic }],
      subscriptions: [{ topicArn: mailTopic, protocol: 'email', endpoint: 'ops@example.com' }],
    },
    targets: { sendToQueue: () => {}, invokeFunction: async () => null },
    stateDirectory: folder,
    onSent: () => {},
  });
  const endpoint = await openEndpoint({ identities, calls: new CallLog(folder) });
  endpoint.connect({
    json: {},
    query: { sns: snsOperations(topics) },
    rest: {},
    invoke: async () => ({ kind: 'result', result: null }),
    functionArn: (name) => name,
  });
  const { accessKeyId, secretAccessKey } = identities.issue({ kind: 'function', name: 'notify', roleArn: 'role' });
  const sns = new SNSClient({
    endpoint: endpoint.url,
    region: 'local',
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  let read = 0;
  return {
    sns,
    /** Subjects of all mails that were sent since this was called last. */
    async news(): Promise<string[]> {
      await topics.settle();
      const mails = (await topics.messages()).slice(read);
      read += mails.length;
      return mails.map(({ subject }) => subject ?? '');
    },
    async [Symbol.asyncDispose]() {
      sns.destroy();
      await endpoint.close();
      await rm(folder, { recursive: true });
    },
  };
}
