import { SNSClient } from '@aws-sdk/client-sns';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { alertChannels } from '../../lib/lifecycle/alert-channels.ts';
import { canary, notify } from '../../lib/lifecycle/notify.ts';
import { step } from '../frame.ts';

/** What SNS delivers, or what the canary's schedule sends. */
const inputSchema = z.union([
  z.object({ Records: z.array(z.object({ Sns: z.object({ Message: z.string() }) })) }),
  z.object({ canary: z.literal(true) }),
]);
const sns = new SNSClient(promptClient());

export const handler = step('notify', inputSchema, async (event, dependencies) => {
  const { config, runtime } = dependencies;
  const settings = {
    ...dependencies,
    installation: config.aws.name,
    channels: alertChannels({
      webhook: config.alerts.webhook,
      emails: config.alerts.emails,
      mailTopic: runtime.mailTopic,
      sns,
    }),
  };
  if ('canary' in event) return canary(settings);
  for (const { Sns } of event.Records) await notify(settings, Sns.Message);
  return { messages: event.Records.length };
});
