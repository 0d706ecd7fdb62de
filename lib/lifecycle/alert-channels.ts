import { ListSubscriptionsByTopicCommand, PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import pRetry from 'p-retry';
import type { AlertText } from '../core/alert-text.ts';
import { HoldfastError } from '../core/errors.ts';

/** A way by which alerts reach people. */
export type AlertChannel = {
  readonly name: 'webhook' | 'email';
  /** Rejects with `channel-down` when it could not be delivered after several tries. */
  send(text: AlertText): Promise<void>;
  /** Proves that the channel works, as far as that can be done from here; says how. Rejects with `channel-down`. */
  prove(text: AlertText): Promise<string>;
};

export type ChannelSettings = {
  readonly webhook: string | undefined;
  readonly emails: readonly string[];
  /** The topic that the addresses subscribe to; without it no mail is sent. */
  readonly mailTopic: string | undefined;
  readonly sns: SNSClient;
  /** Before the second try of a web hook, doubled for the third. @default 1000 */
  readonly waitMilliseconds?: number;
};

/** A function has a minute for all of its channels: three tries of ten seconds for one that does not answer. */
const answerWithinMs = 10_000;
const mostTries = 3;

/** The channels that are configured, the one that arrives soonest first. */
export function alertChannels(settings: ChannelSettings): readonly AlertChannel[] {
  const { webhook, emails, mailTopic } = settings;
  return [
    ...(webhook === undefined ? [] : [webhookChannel(webhook, settings)]),
    ...(emails.length === 0 || mailTopic === undefined ? [] : [mailChannel(mailTopic, settings)]),
  ];
}

/** JSON with a `text`, which Slack, Mattermost, Google Chat and Teams workflows take. Proved by an answer of 2xx. */
function webhookChannel(url: string, { waitMilliseconds = 1000 }: ChannelSettings): AlertChannel {
  const post = async ({ text }: AlertText): Promise<number> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered with status ${response.status}`);
    return response.status;
  };
  const tried = (text: AlertText): Promise<number> =>
    pRetry(() => post(text), { retries: mostTries - 1, minTimeout: waitMilliseconds, factor: 2 }).catch(
      (cause: unknown) => {
        // The address is as good as a password: its host says enough.
        throw new HoldfastError('channel-down', `the webhook at '${new URL(url).host}' took nothing: ${whyOf(cause)}`, {
          cause,
        });
      },
    );
  return {
    name: 'webhook',
    send: async (text) => void (await tried(text)),
    prove: async (text) => `answered with status ${await tried(text)}`,
  };
}

/** Mail by way of a topic. SNS tries again by itself; what can be proved is that somebody has confirmed to receive it. */
function mailChannel(topic: string, { sns }: ChannelSettings): AlertChannel {
  const down = (why: string, cause?: unknown): HoldfastError =>
    new HoldfastError('channel-down', `no mail can be sent: ${why}`, {
      hint: 'has everybody who is to get mail followed the link in the first one from AWS Notifications?',
      cause,
    });
  return {
    name: 'email',
    send: async ({ subject, text }) => {
      await sns
        .send(new PublishCommand({ TopicArn: topic, Subject: subject, Message: text }))
        .catch((cause: unknown) => Promise.reject(down(whyOf(cause), cause)));
    },
    prove: async () => {
      const { Subscriptions = [] } = await sns
        .send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }))
        .catch((cause: unknown) => Promise.reject(down(whyOf(cause), cause)));
      const mails = Subscriptions.filter(({ Protocol }) => Protocol === 'email');
      const confirmed = mails.filter(({ SubscriptionArn }) => SubscriptionArn?.startsWith('arn:') === true);
      if (confirmed.length === 0) throw down(`none of ${mails.length} addresses has confirmed`);
      return `${confirmed.length} of ${mails.length} addresses have confirmed`;
    },
  };
}

function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
