import * as z from 'zod';
import { restoreRequestSchema } from '../../lib/core/requests.ts';
import { admitRestore } from '../../lib/lifecycle/admit-restore.ts';
import { step } from '../frame.ts';
import { withTask } from '../with-task.ts';

const inputSchema = z.object({
  request: restoreRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
  canWait: z.boolean().default(false),
});

export const handler = step('admit-restore', inputSchema, async (asked, dependencies) =>
  withTask(dependencies.runtime, await admitRestore(dependencies, asked), (run) => run.into),
);
