import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import type { Json } from '../json.ts';
import { JsonLines } from '../json-lines.ts';
import type { LocalModel, LocalSubscription } from '../model.ts';

const sentSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  topicArn: z.string(),
  subject: z.string().nullable(),
  message: z.string(),
  deliveries: z.array(
    z.object({ protocol: z.string(), endpoint: z.string(), status: z.string(), isDelivered: z.boolean() }),
  ),
});
/** A message that was published, and what became of it at each subscription. */
export type SentMessage = z.infer<typeof sentSchema>;
type Delivery = SentMessage['deliveries'][number];

/** How subscriptions other than web hooks and e-mail are reached. */
export type TopicTargets = {
  readonly sendToQueue: (queueArn: string, body: string) => void;
  readonly invokeFunction: (functionArn: string, event: Json) => Promise<unknown>;
};

const deliveryTimeoutMs = 10_000;

/**
 * Topics and their subscriptions. Web hooks are really posted to, in SNS's own form; an e-mail is not sent, but shown on the status
 * page. A delivery that fails is recorded and reported, and never fails the publisher: alerts have a second channel.
 */
export class Topics {
  readonly #model: Pick<LocalModel, 'topics' | 'subscriptions'>;
  readonly #targets: TopicTargets;
  readonly #lines: JsonLines<SentMessage>;
  readonly #onSent: (message: SentMessage) => void;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: {
    readonly model: Pick<LocalModel, 'topics' | 'subscriptions'>;
    readonly targets: TopicTargets;
    readonly stateDirectory: string;
    readonly onSent: (message: SentMessage) => void;
  }) {
    this.#model = options.model;
    this.#targets = options.targets;
    this.#onSent = options.onSent;
    this.#lines = new JsonLines(join(options.stateDirectory, 'messages.jsonl'), sentSchema);
  }

  /** Accepts a message and gives its id; deliveries go on by themselves. Throws `NotFound` for an unknown topic. */
  publish(topicArn: string, message: string, subject: string | null = null): string {
    if (!this.#model.topics.some(({ arn }) => arn === topicArn))
      throw new AwsError('NotFound', `the topic '${topicArn}' does not exist`, 404);
    const id = randomUUID();
    const sending = this.#send({ id, at: new Date().toISOString(), topicArn, subject, message, deliveries: [] });
    this.#underWay.add(sending);
    void sending.finally(() => this.#underWay.delete(sending));
    return id;
  }

  /** Who listens to a topic. */
  subscriptionsOf(topicArn: string): readonly LocalSubscription[] {
    return this.#model.subscriptions.filter((subscription) => subscription.topicArn === topicArn);
  }

  async messages(): Promise<SentMessage[]> {
    const messages: SentMessage[] = [];
    for await (const message of this.#lines.read()) messages.push(message);
    return messages;
  }

  /** Resolves when all deliveries under way have ended. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #send(message: SentMessage): Promise<void> {
    const deliveries = await Promise.all(
      this.subscriptionsOf(message.topicArn).map(async ({ protocol, endpoint }): Promise<Delivery> => {
        try {
          return { protocol, endpoint, status: await this.#deliver(protocol, endpoint, message), isDelivered: true };
        } catch (error) {
          return { protocol, endpoint, status: describeFailure(error), isDelivered: false };
        }
      }),
    );
    const sent = { ...message, deliveries };
    this.#lines.append(sent);
    this.#onSent(sent);
  }

  async #deliver(protocol: string, endpoint: string, message: SentMessage): Promise<string> {
    const notification = {
      Type: 'Notification',
      MessageId: message.id,
      TopicArn: message.topicArn,
      ...(message.subject === null ? {} : { Subject: message.subject }),
      Message: message.message,
      Timestamp: message.at,
    };
    switch (protocol) {
      case 'http':
      case 'https': {
        const response = await fetch(endpoint, {
          method: 'POST',
          headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification' },
          body: JSON.stringify(notification),
          signal: AbortSignal.timeout(deliveryTimeoutMs),
        });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`answered with status ${response.status}`);
        return `answered with status ${response.status}`;
      }
      case 'sqs':
        this.#targets.sendToQueue(endpoint, JSON.stringify(notification));
        return 'put into the queue';
      case 'lambda':
        await this.#targets.invokeFunction(endpoint, { Records: [{ EventSource: 'aws:sns', Sns: notification }] });
        return 'handled by the function';
      case 'email':
      case 'email-json':
        return 'shown here: the local stack sends no e-mail';
      default:
        throw new Error(`the protocol '${protocol}' is not known to the local stack`);
    }
  }
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
