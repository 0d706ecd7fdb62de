import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { cleanupRunSchema, cleanupTotalsSchema } from '../../lib/core/cleanup.ts';
import { anyFailureSchema } from '../../lib/core/failure.ts';
import { endCleanup } from '../../lib/lifecycle/cleanup/end-cleanup.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  run: cleanupRunSchema,
  totals: cleanupTotalsSchema,
  failure: anyFailureSchema.optional(),
});
const events = new EventBridgeClient(promptClient());

export const handler = step('end-cleanup', inputSchema, (ended, dependencies) =>
  endCleanup({ ...dependencies, events }, ended),
);
