import { z } from 'zod';
import { taskOf } from '../../lib/config/runtime.ts';
import { restoreRequestSchema } from '../../lib/core/requests.ts';
import { admitRestore } from '../../lib/lifecycle/admit-restore.ts';
import { step } from '../frame.ts';

const inputSchema = z.object({
  request: restoreRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-restore', inputSchema, async (asked, dependencies) => {
  const admission = await admitRestore(dependencies, asked);
  return 'run' in admission
    ? { ...admission, taskDefinition: taskOf(dependencies.runtime, admission.run.into) }
    : admission;
});
