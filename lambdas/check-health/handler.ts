import * as z from 'zod';
import { keyState } from '../../lib/keys/key-state.ts';
import { recordHealth } from '../../lib/lifecycle/record-health.ts';
import { step } from '../frame.ts';

/** Answers with no more than the state machine's output should show; the report is in the store. */
export const handler = step('check-health', z.unknown(), async (_event, dependencies) => {
  const { at, status, problems } = await recordHealth({
    ...dependencies,
    keyState: () => keyState(dependencies.config.encryption),
  });
  return { at, status, problems: problems.map(({ id }) => id) };
});
