import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { anyFailureSchema } from '../../lib/core/failure.ts';
import { anyRunSchema } from '../../lib/core/requests.ts';
import { publishOutcome } from '../../lib/lifecycle/publish-outcome.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  run: anyRunSchema,
  validation: z.object({ plainBytes: z.number(), storedBytes: z.number() }).optional(),
  recorded: z.object({ rtoSeconds: z.number().optional(), rpoSeconds: z.number().optional() }).optional(),
  failure: anyFailureSchema.optional(),
});
const events = new EventBridgeClient(promptClient());

export const handler = step('publish-outcome', inputSchema, (ended, { clock }) =>
  publishOutcome({ events, clock }, ended),
);
