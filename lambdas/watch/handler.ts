import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { promptClient } from '../../lib/config/prompt-client.ts';
import { keyState } from '../../lib/keys/key-state.ts';
import { watch } from '../../lib/lifecycle/watch.ts';
import { step } from '../frame.ts';

const events = new EventBridgeClient(promptClient());

/** EventBridge Scheduler's own event is of no interest: every run looks at everything. */
export const handler = step('watch', z.unknown(), (_event, dependencies) =>
  watch({ ...dependencies, events, keyState: () => keyState(dependencies.config.encryption) }),
);
