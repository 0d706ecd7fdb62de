import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { restoreRunSchema } from '../../lib/core/requests.ts';
import { beginRecovery } from '../../lib/lifecycle/begin-recovery.ts';
import { step } from '../frame.ts';

const events = new EventBridgeClient(promptClient());

export const handler = step('plan-recovery', z.object({ run: restoreRunSchema }), ({ run }, dependencies) =>
  beginRecovery({ ...dependencies, sender: { events, clock: dependencies.clock } }, run),
);
