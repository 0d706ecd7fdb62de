import { setTimeout as delay } from 'node:timers/promises';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { HoldfastError } from '../core/errors.ts';

const mostSends = 4;

export type EventSender = {
  readonly events: EventBridgeClient;
  readonly clock: () => Date;
  /** Before an event is sent a second time; doubled each time. @default 500 */
  readonly waitMilliseconds?: number;
};

/** Puts one event of ours on the default bus. Throws when the bus does not take it after several tries. */
export async function putEvent(
  { events, clock, waitMilliseconds = 500 }: EventSender,
  detailType: string,
  detail: object,
): Promise<void> {
  const event = { Source: 'holdfast', DetailType: detailType, Detail: JSON.stringify(detail), Time: clock() };
  for (let send = 1; ; send++) {
    const { Entries: [entry] = [] } = await events.send(new PutEventsCommand({ Entries: [event] }));
    if (entry?.ErrorCode === undefined) return;
    // What the bus refuses inside of an answer of 200, mostly because it is busy, the SDK does not send again.
    if (send === mostSends)
      throw new HoldfastError('internal', `the event bus refused '${detailType}': ${entry.ErrorCode}`);
    await delay(waitMilliseconds * 2 ** (send - 1));
  }
}
