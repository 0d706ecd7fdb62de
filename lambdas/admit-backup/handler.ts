import * as z from 'zod';
import { backupRequestSchema, taskOwnerOf } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { step } from '../frame.ts';
import { withTask } from '../with-task.ts';

const inputSchema = z.object({
  request: backupRequestSchema,
  execution: z.string(),
  startedAt: z.iso.datetime({ offset: true }),
  redriveCount: z.number().int().default(0),
});

export const handler = step('admit-backup', inputSchema, async (asked, dependencies) =>
  withTask(dependencies.runtime, await admitBackup(dependencies, asked), taskOwnerOf),
);
