import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { HoldfastError } from '../../lib/core/errors.ts';
import { restoreRequestSchema, restoreRunSchema } from '../../lib/core/requests.ts';
import { askApproval } from '../../lib/lifecycle/ask-approval.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  run: restoreRunSchema,
  request: restoreRequestSchema,
  taskToken: z.string().min(1),
  startedAt: z.iso.datetime({ offset: true }),
});
const events = new EventBridgeClient(promptClient());

export const handler = step('ask-approval', inputSchema, (asked, { catalog, ...dependencies }) => {
  if (catalog === undefined)
    throw new HoldfastError('internal', 'approvals are in the catalog, and it is not known here');
  return askApproval({ ...dependencies, catalog, sender: { events, clock: dependencies.clock } }, asked);
});
