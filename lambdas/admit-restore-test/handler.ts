import * as z from 'zod';
import { restoreTestRequestSchema } from '../../lib/core/requests.ts';
import { admitRestoreTest } from '../../lib/lifecycle/admit-restore-test.ts';
import { step } from '../frame.ts';
import { withTask } from '../with-task.ts';

const inputSchema = z.object({
  request: restoreTestRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-restore-test', inputSchema, async (asked, dependencies) =>
  withTask(dependencies.runtime, await admitRestoreTest(dependencies, asked), (run) => run.target),
);
