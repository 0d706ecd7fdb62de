import { z } from 'zod';
import { taskOf } from '../../lib/config/runtime.ts';
import { restoreTestRequestSchema } from '../../lib/core/requests.ts';
import { admitRestoreTest } from '../../lib/lifecycle/admit-restore-test.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  request: restoreTestRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-restore-test', inputSchema, async (asked, dependencies) => {
  const admission = await admitRestoreTest(dependencies, asked);
  return 'run' in admission
    ? { ...admission, taskDefinition: taskOf(dependencies.runtime, admission.run.target) }
    : admission;
});
