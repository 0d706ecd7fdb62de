import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';

/** What came over the bus. */
export type SentEvent = { readonly type: string; readonly detail: Readonly<Record<string, unknown>> };

/** An event bus that takes every entry and keeps it. */
export async function eventBus() {
  const sent: SentEvent[] = [];
  const server = createServer(async (request, response) => {
    const { Entries } = JSON.parse(await text(request)) as { Entries: { DetailType: string; Detail: string }[] };
    for (const { DetailType, Detail } of Entries) sent.push({ type: DetailType, detail: JSON.parse(Detail) });
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: 'e' })) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const events = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'local',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return {
    events,
    sent,
    /** What came since this was called last, in short. */
    news: (): string[] => sent.splice(0).map(({ type, detail }) => `${type}: ${String(detail['problem'])}`),
    async [Symbol.asyncDispose]() {
      events.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
